/** Requests of every kind that a director understands, in conversations that make sense. */
import type { Change, DestinationKey, ServiceKey } from '../../src/control/api.js';
import { destinationSettings, serviceSettings } from '../../test/support/director.js';

const WEB: ServiceKey = {
  family: 'inet',
  protocol: 'tcp',
  address: '10.1.0.100',
  port: 80,
  fwmark: 0,
};
const SECURE: ServiceKey = { ...WEB, port: 443 };
const ONE: DestinationKey = { family: 'inet', address: '10.2.0.2', port: 8080 };
const TWO: DestinationKey = { ...ONE, address: '10.2.0.3' };
const SETTINGS = serviceSettings({ scheduler: 'wrr' });
const PERSISTENT = serviceSettings({ scheduler: 'sh', persistent: true, timeoutSeconds: 300 });
const PLAIN = destinationSettings({});
const HEAVY = destinationSettings({ weight: 5, upperThreshold: 10, lowerThreshold: 2 });

const CHANGES: Change[] = [
  { change: 'addService', key: SECURE, settings: PERSISTENT },
  { change: 'addDestination', service: SECURE, key: ONE, settings: PLAIN },
  { change: 'editDestination', service: SECURE, key: ONE, settings: HEAVY },
  { change: 'editService', key: SECURE, settings: SETTINGS },
  { change: 'deleteDestination', service: SECURE, key: ONE },
  { change: 'deleteService', key: SECURE },
];

/** A list of (method, params) is a conversation. */
export const CONVERSATIONS: [string, unknown][][] = [
  [
    ['info', {}],
    ['addService', { key: WEB, settings: SETTINGS }],
    ['addDestination', { service: WEB, key: ONE, settings: PLAIN }],
    ['addDestination', { service: WEB, key: TWO, settings: HEAVY }],
    ['services', {}],
    ['editDestination', { service: WEB, key: ONE, settings: HEAVY }],
    ['service', { key: WEB }],
  ],
  [
    ['addService', { key: SECURE, settings: PERSISTENT }],
    ['editService', { key: SECURE, settings: SETTINGS }],
    ['addDestination', { service: SECURE, key: ONE, settings: PLAIN }],
    ['deleteDestination', { service: SECURE, key: ONE }],
    ['deleteService', { key: SECURE }],
  ],
  [
    ['timeouts', {}],
    ['setTimeouts', { timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 0 } }],
    ['settings', {}],
    ['setSetting', { name: 'expire_nodest_conn', value: 1 }],
    ['zero', {}],
    ['zero', { key: WEB }],
    ['connections', {}],
  ],
  [
    ['flush', {}],
    ['addService', { key: WEB, settings: SETTINGS }],
    ['addDestination', { service: WEB, key: TWO, settings: PLAIN }],
    ['zero', { key: WEB }],
    ['deleteDestination', { service: WEB, key: TWO }],
    ['addDestination', { service: WEB, key: TWO, settings: PLAIN }],
    ['apply', { changes: CHANGES }],
  ],
  [
    ['daemons', {}],
    ['stopDaemon', { state: 'master' }],
    [
      'startDaemon',
      {
        settings: {
          state: 'backup',
          interface: 'eth0',
          syncId: 1,
          maxLength: 0,
          group: '224.0.0.81',
          port: 8848,
          ttl: 1,
        },
      },
    ],
  ],
];
