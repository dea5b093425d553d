/** A virtual server that is looked at, with one service, three servers and connections as a test wants them. */
import type { Counters } from '../../../src/control/api.js';
import { Observer } from '../../../src/observe/snapshot.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

export const CLIENT = '10.1.0.2';
export const SERVERS = [11, 12, 13];

export class Observed {
  readonly clock = new Clock();
  readonly server: VirtualServer;
  readonly observer: Observer;
  isServing = true;
  restarts = 0;
  nowMs = 1_800_000_000_000;
  asked = 0;
  /** What the data plane answers; null for nothing at all. */
  answer: (() => Promise<Counters>) | null;

  private constructor() {
    this.server = testDirector(this.clock);
    this.answer = () => this.server.counters();
    this.observer = new Observer({
      state: () => this.server.state,
      counters: () => {
        this.asked++;
        return this.answer === null ? new Promise(() => {}) : this.answer();
      },
      dataPlane: () => ({ isServing: this.isServing, restarts: this.restarts }),
      clock: this.clock.read,
      nowMs: () => this.nowMs,
    });
  }

  /** Round robin begins with the server that was added last. */
  static async open(): Promise<Observed> {
    const observed = new Observed();
    const { server } = observed;
    await server.addService(serviceKey(), serviceSettings());
    for (const host of SERVERS) {
      await server.addDestination(serviceKey(), destinationKey(host), destinationSettings());
    }
    return observed;
  }

  /** A client's segment from this port. */
  send(port: number, flags: number): void {
    const ends = { source: CLIENT, sourcePort: port, destination: VIP, destinationPort: 80 };
    this.process(tcpFrame({ ...ends, flags }), OUTER);
  }

  /** What server 10.2.0.HOST answers to the client's port. */
  reply(host: number, port: number, flags: number): void {
    const source = `10.2.0.${host}`;
    const ends = { source, sourcePort: 80, destination: CLIENT, destinationPort: port };
    this.process(tcpFrame({ ...ends, flags }), INNER);
  }

  /** So much later, with all timers run. */
  pass(ticks: number): void {
    this.clock.ticks += ticks;
    this.nowMs += ticks * 10;
    settle(this.server, this.clock);
  }

  private process(frame: Uint8Array, port: number): void {
    this.server.engine.process(frame, 0, frame.length, port, 0, this.clock.ticks);
  }
}
