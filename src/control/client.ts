/** The commands' end of the control socket: a Control whose director is another process. */
import type {
  Change,
  ConnectionEntry,
  Control,
  Counters,
  DaemonSettings,
  DestinationKey,
  DestinationSettings,
  Info,
  ServiceEntry,
  ServiceKey,
  ServiceSettings,
  Timeouts,
} from './api.js';
import { Channel } from './channel.js';
import { joinBatch } from './pieces.js';
import type { MethodName, Params } from './schemas.js';
import type { ServiceSnapshot, Snapshot } from './snapshot.js';
import type { TraceReport, TraceRequest } from './trace.js';

export { NoDirectorError } from './channel.js';

export interface RemoteControl extends Control {
  /** Hangs up. A call under way is rejected with NoDirectorError. */
  close(): void;
}

/**
 * Connects to the director that listens at `path`. Rejects with NoDirectorError where there is none, with
 * ControlError EPERM where the caller may not open the socket.
 */
export async function connect(path: string): Promise<RemoteControl> {
  return new ControlClient(await Channel.open(path));
}

class ControlClient implements RemoteControl {
  /** Answers come in the order of the requests; each is read when the one before it has been. */
  private lastAnswer: Promise<unknown> = Promise.resolve();

  constructor(private readonly channel: Channel) {}

  close(): void {
    this.channel.close();
  }

  info(): Promise<Info> {
    return this.request<'info', Info>('info', {});
  }

  counters(): Promise<Counters> {
    return this.request<'counters', Counters>('counters', {});
  }

  async services(): Promise<ServiceEntry[]> {
    const services: ServiceEntry[] = [];
    for await (const batch of this.stream<'services', ServiceEntry>('services', {})) {
      joinBatch(services, batch);
    }
    return services;
  }

  async service(key: ServiceKey): Promise<ServiceEntry> {
    const services: ServiceEntry[] = [];
    await this.request('service', { key }, (batch) => joinBatch(services, batch as ServiceEntry[]));
    return services[0];
  }

  async snapshot(): Promise<Snapshot> {
    let snapshot: Snapshot | null = null;
    for await (const batch of this.stream<'snapshot', unknown>('snapshot', {})) {
      if (snapshot === null) [snapshot] = batch as [Snapshot];
      else joinBatch(snapshot.services, batch as ServiceSnapshot[]);
    }
    return snapshot as Snapshot;
  }

  addService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    return this.request('addService', { key, settings });
  }

  editService(key: ServiceKey, settings: ServiceSettings): Promise<void> {
    return this.request('editService', { key, settings });
  }

  deleteService(key: ServiceKey): Promise<void> {
    return this.request('deleteService', { key });
  }

  flush(): Promise<void> {
    return this.request('flush', {});
  }

  addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    return this.request('addDestination', { service, key, settings });
  }

  editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void> {
    return this.request('editDestination', { service, key, settings });
  }

  deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void> {
    return this.request('deleteDestination', { service, key });
  }

  apply(changes: readonly Change[]): Promise<void> {
    return this.request('apply', { changes: [...changes] });
  }

  zero(key?: ServiceKey): Promise<void> {
    return this.request('zero', { key });
  }

  timeouts(): Promise<Timeouts> {
    return this.request<'timeouts', Timeouts>('timeouts', {});
  }

  setTimeouts(timeouts: Timeouts): Promise<void> {
    return this.request('setTimeouts', { timeouts });
  }

  connections(): AsyncIterable<ConnectionEntry[]> {
    return this.stream<'connections', ConnectionEntry>('connections', {});
  }

  trace(request: TraceRequest): AsyncIterable<TraceReport[]> {
    return this.stream<'trace', TraceReport>('trace', { request });
  }

  daemons(): Promise<DaemonSettings[]> {
    return this.request<'daemons', DaemonSettings[]>('daemons', {});
  }

  startDaemon(settings: DaemonSettings): Promise<void> {
    return this.request('startDaemon', { settings });
  }

  stopDaemon(state: 'master' | 'backup'): Promise<void> {
    return this.request('stopDaemon', { state });
  }

  upgrade(): Promise<{ version: string }> {
    return this.request<'upgrade', { version: string }>('upgrade', {});
  }

  settings(): Promise<Record<string, number>> {
    return this.request<'settings', Record<string, number>>('settings', {});
  }

  setSetting(name: string, value: number): Promise<void> {
    return this.request('setSetting', { name, value });
  }

  /** @param takeBatch is given the batches that come before the result, where there are any */
  private request<M extends MethodName, R = void>(
    method: M,
    params: Params<M>,
    takeBatch: (batch: unknown[]) => void = () => {},
  ): Promise<R> {
    const id = this.channel.send(method, params);
    const answer = this.lastAnswer.then(async () => {
      for (;;) {
        const reply = await this.channel.reply(id);
        if ('result' in reply) return (reply.result ?? undefined) as R;
        takeBatch(reply.batch);
      }
    });
    this.lastAnswer = answer.catch(() => {});
    return answer;
  }

  /** A connection of its own, so that a slow reader of the batches holds up no other call. */
  private async *stream<M extends MethodName, T>(
    method: M,
    params: Params<M>,
  ): AsyncGenerator<T[]> {
    const channel = await Channel.open(this.channel.path);
    try {
      const id = channel.send(method, params);
      for (;;) {
        const reply = await channel.reply(id);
        if ('result' in reply) return;
        yield reply.batch as T[];
      }
    } finally {
      channel.close();
    }
  }
}
