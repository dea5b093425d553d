/** A director on an imaginary host (director.ts) whose packets can be traced: frames go through loop and engine. */
import { MemoryDriver } from '../../dataplane/driver/memory.js';
import { Loop } from '../../dataplane/loop.js';
import type { FrameWatcher } from '../../dataplane/watcher.js';
import type {
  TracedPacket,
  TraceFilter,
  TraceReport,
  TraceRequest,
} from '../../src/control/trace.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { Traces } from '../../src/worker/trace/traces.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from './director.js';
import { tcpFrame, type TcpFrame } from './frames.js';

export const CLIENT = '10.1.0.2';
export const SYN = 0x02;
export const ACK = 0x10;
export const FIN = 0x01;
export const RST = 0x04;

export const EVERYTHING: TraceFilter = {
  clients: [],
  virtuals: [],
  servers: [],
  states: [],
  reasons: [],
  decisions: [],
};

export function traceRequest(
  filter: Partial<TraceFilter> = {},
  limits: Partial<TraceRequest> = {},
): TraceRequest {
  return {
    filter: { ...EVERYTHING, ...filter },
    ratePerSecond: 1000,
    countMax: 0,
    frameBytesMax: 2048,
    ...limits,
  };
}

export class TracedDirector {
  readonly driver = new MemoryDriver({ frameBytes: 4096 });
  readonly traces: Traces;
  readonly loop: Loop;
  /** Who was made to watch, in the order of time. */
  readonly watchers: (FrameWatcher | null)[] = [];
  /** Milliseconds since 1970. */
  nowMs = 1_700_000_000_000;

  private constructor(
    readonly clock: Clock,
    readonly server: VirtualServer,
    patienceMs?: number,
  ) {
    this.loop = new Loop(server.engine, this.driver, () => undefined);
    this.traces = new Traces({
      state: server.state,
      attach: (watcher) => {
        this.watchers.push(watcher);
        this.loop.watch(watcher);
      },
      clock: () => this.nowMs,
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
  }

  /** With one service on VIP:80 and servers 11 and 12 on port 8080. */
  static async create(settings = {}, patienceMs?: number): Promise<TracedDirector> {
    const clock = new Clock();
    const director = new TracedDirector(clock, testDirector(clock), patienceMs);
    const { server } = director;
    await server.addService(serviceKey(), serviceSettings(settings));
    for (const host of [11, 12]) {
      await server.addDestination(serviceKey(), destinationKey(host, 8080), destinationSettings());
    }
    return director;
  }

  /** A client's packet to VIP:80. */
  fromClient(flags: number, more: Partial<TcpFrame> = {}): void {
    this.receive(OUTER, {
      source: CLIENT,
      sourcePort: 4000,
      destination: VIP,
      destinationPort: 80,
      flags,
      ...more,
    });
  }

  /** A server's packet to that client. */
  fromServer(host: number, flags: number, more: Partial<TcpFrame> = {}): void {
    this.receive(INNER, {
      source: `10.2.0.${host}`,
      sourcePort: 8080,
      destination: CLIENT,
      destinationPort: 4000,
      flags,
      ...more,
    });
  }

  receive(port: number, frame: TcpFrame | Uint8Array, offload = 0): void {
    this.driver.queue(port, frame instanceof Uint8Array ? frame : tcpFrame(frame), offload);
    this.loop.burst(this.clock.ticks);
  }

  /** What a trace of this request reports about `traffic`. */
  report(request: TraceRequest, traffic: () => void): TraceReport {
    this.traces.begin(1, request);
    traffic();
    const report = this.traces.fetch(1);
    this.traces.end(1);
    return report;
  }

  packets(traffic: () => void, filter: Partial<TraceFilter> = {}): TracedPacket[] {
    return this.report(traceRequest(filter), traffic).packets;
  }
}
