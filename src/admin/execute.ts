/** Carries out a checked request on a director. */
import type { Control, DestinationSettings, ServiceKey, ServiceSettings } from '../control/api.js';
import { namedText, numericText } from './endpoint-text.js';
import { listConnections } from './listing/connections.js';
import { listServices } from './listing/services.js';
import { listDaemons, listTimeouts } from './listing/status.js';
import type { Names } from './names.js';
import type { Output } from './output.js';
import type { Request } from './request.js';
import { save } from './save.js';

/** Lists or changes what the request says. Rejects with ControlError where the director refuses. */
export async function execute(
  request: Request,
  control: Control,
  names: Names,
  output: Output,
): Promise<void> {
  switch (request.command) {
    case 'list':
      return list(request, control, names, output);
    case 'save':
      return save(control, textFor(request, names), output);
    default:
      return change(request, control);
  }
}

function list(request: Request, control: Control, names: Names, output: Output): Promise<void> {
  const { given } = request;
  if (given.has('connection')) return listConnections(given, control, names, output);
  if (given.has('timeout')) return listTimeouts(control, output);
  if (given.has('daemon')) return listDaemons(control, output);
  return listServices(request, control, textFor(request, names), output);
}

function textFor({ given }: Request, names: Names) {
  return given.has('numeric') ? numericText : namedText(names);
}

async function change(request: Request, control: Control): Promise<void> {
  const { service, destination } = request;
  switch (request.command) {
    case 'add-service':
      return control.addService(service, serviceSettings(request));
    case 'edit-service':
      return control.editService(service, serviceSettings(request));
    case 'delete-service':
      return control.deleteService(service);
    case 'flush':
      return control.flush();
    case 'zero':
      return control.zero(isUnspecified(service) ? undefined : service);
    case 'add-server':
      return control.addDestination(service, destination, destinationSettings(request));
    case 'edit-server':
      return control.editDestination(service, destination, destinationSettings(request));
    case 'delete-server':
      return control.deleteDestination(service, destination);
    case 'set': {
      const [tcpSeconds, tcpFinSeconds, udpSeconds] = request.timeoutsSeconds;
      return control.setTimeouts({ tcpSeconds, tcpFinSeconds, udpSeconds });
    }
    case 'start-daemon':
      return control.startDaemon(request.daemon);
    case 'stop-daemon':
      return control.stopDaemon(request.daemon.state);
    default:
      throw new Error(`${request.command} changes nothing`);
  }
}

/** What `-Z` without a service is for the kernel, and `-Z -t 0.0.0.0:0` therefore as well: everything. */
function isUnspecified({ address, port, fwmark }: ServiceKey): boolean {
  return fwmark === 0 && port === 0 && (address === '0.0.0.0' || address === '::');
}

function serviceSettings(request: Request): ServiceSettings {
  return {
    scheduler: request.scheduler,
    schedulerFlags: request.schedulerFlags,
    persistent: request.given.has('persistent'),
    timeoutSeconds: request.persistenceTimeoutSeconds,
    netmask: request.netmask,
    onePacket: request.given.has('ops'),
    persistenceEngine: request.persistenceEngine,
  };
}

function destinationSettings(request: Request): DestinationSettings {
  const { forwarding, weight, upperThreshold, lowerThreshold, tunnel } = request;
  return { forwarding, weight, upperThreshold, lowerThreshold, tunnel };
}
