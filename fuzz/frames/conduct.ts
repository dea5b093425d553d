/** Carrying out a session's commands on a director, as its control socket would. */
import { SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { ControlError } from '../../src/control/api.js';
import { destinationSettings, serviceSettings } from '../../test/support/director.js';
import { SERVICES, type Site } from './site.js';

const WEIGHTS = [0, 1, 2, 100, 0x7fffffff];
const THRESHOLDS = [0, 0, 1, 3, 50];
const TIMEOUTS = [0, 1, 60, 2_678_400];
const COMMANDS = 9;

/** Refusals are right answers; anything else that is thrown comes to the caller later, by `onFault`. */
export function conduct(
  site: Site,
  which: number,
  argument: number,
  onFault: (error: unknown) => void,
): void {
  void change(site, which, argument).catch((error: unknown) => {
    if (!(error instanceof ControlError)) onFault(error);
  });
}

/** A command is carried out before the call returns; only its answer comes later. */
function change({ server }: Site, which: number, argument: number): Promise<void> {
  const [key, settings] = SERVICES[argument % SERVICES.length];
  const rest = Math.floor(argument / SERVICES.length);
  const destination = { family: 'inet', address: `10.2.0.${2 + (rest % 8)}`, port: 8080 } as const;
  const weight = WEIGHTS[rest % WEIGHTS.length];
  const upperThreshold = THRESHOLDS[argument % THRESHOLDS.length];
  const scheduler = SCHEDULERS[rest % SCHEDULERS.length].name;
  switch (which % COMMANDS) {
    case 0: {
      const name = SETTING_NAMES[argument % SETTING_NAMES.length];
      const { min, max } = SETTINGS[name];
      return server.setSetting(name, Math.max(min, Math.min(max, rest % 5)));
    }
    case 1:
      return server.addDestination(
        key,
        destination,
        destinationSettings({ weight, upperThreshold }),
      );
    case 2:
      return server.editDestination(
        key,
        destination,
        destinationSettings({ weight, upperThreshold }),
      );
    case 3:
      return server.deleteDestination(key, destination);
    case 4:
      return server.addService(key, serviceSettings(settings));
    case 5:
      return server.editService(key, serviceSettings({ ...settings, scheduler }));
    case 6:
      return server.deleteService(key);
    case 7: {
      const seconds = TIMEOUTS[argument % TIMEOUTS.length];
      return server.setTimeouts({ tcpSeconds: seconds, tcpFinSeconds: seconds, udpSeconds: 0 });
    }
    default:
      return server.zero(key);
  }
}
