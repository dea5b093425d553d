/** What the director does for each request: the step from a method's name to a Control's method. */
import type { Control, ServiceEntry } from './api.js';
import { SERVICES_PER_BATCH } from './protocol.js';
import type { MethodName, Params } from './schemas.js';

/** A call answers with one value, or with batches where the answer can be long. */
type Call<M extends MethodName> = (
  control: Control,
  params: Params<M>,
) => Promise<unknown> | AsyncIterable<unknown[]>;

export const calls: { [M in MethodName]: Call<M> } = {
  info: (control) => control.info(),
  services: (control) => servicesInBatches(control),
  service: (control, { key }) => control.service(key),
  addService: (control, { key, settings }) => control.addService(key, settings),
  editService: (control, { key, settings }) => control.editService(key, settings),
  deleteService: (control, { key }) => control.deleteService(key),
  flush: (control) => control.flush(),
  addDestination: (control, { service, key, settings }) =>
    control.addDestination(service, key, settings),
  editDestination: (control, { service, key, settings }) =>
    control.editDestination(service, key, settings),
  deleteDestination: (control, { service, key }) => control.deleteDestination(service, key),
  zero: (control, { key }) => (key === undefined ? control.zero() : control.zero(key)),
  timeouts: (control) => control.timeouts(),
  setTimeouts: (control, { timeouts }) => control.setTimeouts(timeouts),
  connections: (control) => control.connections(),
  daemons: (control) => control.daemons(),
  startDaemon: (control, { settings }) => control.startDaemon(settings),
  stopDaemon: (control, { state }) => control.stopDaemon(state),
  settings: (control) => control.settings(),
  setSetting: (control, { name, value }) => control.setSetting(name, value),
};

async function* servicesInBatches(control: Control): AsyncGenerator<ServiceEntry[]> {
  const services = await control.services();
  for (let start = 0; start < services.length; start += SERVICES_PER_BATCH) {
    yield services.slice(start, start + SERVICES_PER_BATCH);
  }
}
