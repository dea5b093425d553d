/** What the director does for each request: the step from a method's name to a Control's method. */
import type { Control, ServiceEntry } from './api.js';
import { batchesOf } from './pieces.js';
import type { MethodName, Params } from './schemas.js';
import type { Snapshot } from './snapshot.js';

/** A call answers with one value, or with batches where the answer can be long. */
type Call<M extends MethodName> = (
  control: Control,
  params: Params<M>,
) => Promise<unknown> | AsyncIterable<unknown[]>;

export const calls: { [M in MethodName]: Call<M> } = {
  info: (control) => control.info(),
  counters: (control) => control.counters(),
  snapshot: (control) => snapshotInPieces(control.snapshot()),
  services: (control) => inBatches(control.services()),
  service: (control, { key }) => inBatches(control.service(key).then((service) => [service])),
  addService: (control, { key, settings }) => control.addService(key, settings),
  editService: (control, { key, settings }) => control.editService(key, settings),
  deleteService: (control, { key }) => control.deleteService(key),
  flush: (control) => control.flush(),
  addDestination: (control, { service, key, settings }) =>
    control.addDestination(service, key, settings),
  editDestination: (control, { service, key, settings }) =>
    control.editDestination(service, key, settings),
  deleteDestination: (control, { service, key }) => control.deleteDestination(service, key),
  apply: (control, { changes }) => control.apply(changes),
  zero: (control, { key }) => (key === undefined ? control.zero() : control.zero(key)),
  timeouts: (control) => control.timeouts(),
  setTimeouts: (control, { timeouts }) => control.setTimeouts(timeouts),
  connections: (control) => control.connections(),
  trace: (control, { request }) => control.trace(request),
  daemons: (control) => control.daemons(),
  startDaemon: (control, { settings }) => control.startDaemon(settings),
  stopDaemon: (control, { state }) => control.stopDaemon(state),
  upgrade: (control) => control.upgrade(),
  settings: (control) => control.settings(),
  setSetting: (control, { name, value }) => control.setSetting(name, value),
};

/** First what isn't about a service, then the services. */
async function* snapshotInPieces(
  snapshot: Promise<Snapshot>,
): AsyncGenerator<Snapshot[] | ServiceEntry[]> {
  const { services, ...others } = await snapshot;
  yield [{ ...others, services: [] }];
  yield* batchesOf(services);
}

async function* inBatches(services: Promise<ServiceEntry[]>): AsyncGenerator<ServiceEntry[]> {
  yield* batchesOf(await services);
}
