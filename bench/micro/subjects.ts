/**
 * What is measured: the engine, driven as a director drives it but without a network, and the straightforward
 * implementation beside it. Both have the same services, servers, routes and clients.
 */
import { BURST_MAX } from '../../dataplane/burst-size.js';
import { secondsToTicks } from '../../dataplane/clock.js';
import { ESTABLISHED } from '../../dataplane/conn/states.js';
import type { Allocate, StateMemory } from '../../dataplane/state.js';
import { tableMemory } from '../../dataplane/sys/memory.js';
import { SEND } from '../../dataplane/verdict.js';
import { ipv4FromText } from '../../src/control/ipv4.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../../test/support/director.js';
import { StraightforwardBalancer } from './straightforward.js';
import { SERVER_PORT, SERVICE_PORT, type FrameBatch } from './traffic.js';

/** The first server's number in 10.2.0.0/24; the others follow. */
const FIRST_HOST = 2;
const WEIGHT_MAX = 65_535;
/** Connections that are left alone outlive every benchmark. */
const ESTABLISHED_SECONDS = 7 * 24 * 3600;

export type SubjectName = 'uvs' | 'straightforward';

export interface Plan {
  scheduler: string;
  servers: number;
  /** Connections there is room for. */
  capacity: number;
  /** Where the tables lie; a director's is the default. */
  allocate?: Allocate;
  /** The tables themselves, where they are to lie in files. */
  memory?: StateMemory;
}

export interface Subject {
  readonly name: SubjectName;
  readonly connectionCount: number;
  /**
   * Decides about all frames of a batch. Each implementation has its own loop, so that what the compiler
   * learns about one doesn't change the other's.
   * @returns how many were not to be sent
   */
  process(batch: FrameBatch, now: number): number;
  /** Removes everything that has timed out by `now`. */
  advance(now: number): void;
}

function addressOf(text: string): number {
  return ipv4FromText(text) ?? 0;
}

/** Servers differ in weight, so that schedulers have something to weigh; to ovf it is how many they can take. */
function weightOf(index: number, scheduler: string): number {
  return scheduler === 'ovf' ? WEIGHT_MAX : 1 + (index % 4);
}

export class EngineSubject implements Subject {
  readonly name = 'uvs';

  private readonly offset: Int32Array;
  private readonly length: Int32Array;

  /** @param burstFrames how many frames the driver finds each time it looks */
  private constructor(
    readonly server: VirtualServer,
    private readonly clock: Clock,
    private readonly burstFrames: number,
  ) {
    this.offset = new Int32Array(burstFrames);
    this.length = new Int32Array(burstFrames);
  }

  static async create({
    scheduler,
    servers,
    capacity,
    allocate,
    memory,
  }: Plan): Promise<EngineSubject> {
    const clock = new Clock();
    const server = testDirector(clock, {
      capacity: { connections: capacity },
      allocate: allocate ?? tableMemory,
      ...(memory && { memory }),
    });
    await server.setTimeouts({ tcpSeconds: ESTABLISHED_SECONDS, tcpFinSeconds: 0, udpSeconds: 0 });
    // Nobody here repeats a SYN.
    await server.setSetting('drop_first_syn', 0);
    const service = serviceKey(SERVICE_PORT);
    await server.addService(service, serviceSettings({ scheduler }));
    for (let i = 0; i < servers; i++) {
      const key = destinationKey(FIRST_HOST + i, SERVER_PORT);
      await server.addDestination(
        service,
        key,
        destinationSettings({ weight: weightOf(i, scheduler) }),
      );
    }
    return new EngineSubject(server, clock, BURST_MAX);
  }

  /** The same director where frames come one by one, so that there is nothing to look ahead to. */
  withoutBursts(): EngineSubject {
    return new EngineSubject(this.server, this.clock, 1);
  }

  get connectionCount(): number {
    return this.server.state.connections.count;
  }

  /** What dataplane/loop.ts does with a burst. */
  process(batch: FrameBatch, now: number): number {
    let unsent = 0;
    for (let first = 0; first < batch.count; first += this.burstFrames) {
      unsent += this.burst(batch, first, Math.min(this.burstFrames, batch.count - first), now);
    }
    return unsent;
  }

  private burst(batch: FrameBatch, first: number, count: number, now: number): number {
    const { engine } = this.server;
    const { offset, length } = this;
    const { memory, port } = batch;
    for (let i = 0; i < count; i++) {
      offset[i] = batch.offset[first + i];
      length[i] = batch.length[first + i];
    }
    engine.prefetch(memory, offset, length, count);
    let unsent = 0;
    for (let i = 0; i < count; i++) {
      const verdict = engine.process(memory, offset[i], length[i], port, 0, now);
      if ((verdict & 0xff) !== SEND) unsent++;
    }
    return unsent;
  }

  advance(now: number): void {
    this.clock.ticks = now;
    settle(this.server, this.clock);
  }
}

export class StraightforwardSubject implements Subject {
  readonly name = 'straightforward';

  private constructor(readonly balancer: StraightforwardBalancer) {}

  /** Shares nothing with the engine but the topology, which it takes from a director without connections. */
  static create({ scheduler, servers }: Omit<Plan, 'capacity'>): StraightforwardSubject {
    if (scheduler !== 'rr' && scheduler !== 'wlc') {
      throw new Error(`the straightforward implementation has no scheduler ${scheduler}`);
    }
    const director = testDirector(new Clock(), { capacity: { connections: 1 } });
    const balancer = new StraightforwardBalancer(director.routes);
    const service = balancer.addService(addressOf(VIP), SERVICE_PORT, scheduler);
    for (let i = 0; i < servers; i++) {
      const address = addressOf(`10.2.0.${FIRST_HOST + i}`);
      balancer.addServer(service, address, SERVER_PORT, weightOf(i, scheduler));
    }
    balancer.timeouts[ESTABLISHED] = secondsToTicks(ESTABLISHED_SECONDS);
    return new StraightforwardSubject(balancer);
  }

  get connectionCount(): number {
    return this.balancer.connectionCount;
  }

  process(batch: FrameBatch, now: number): number {
    const { balancer } = this;
    const { memory, offset, length, count } = batch;
    let unsent = 0;
    for (let i = 0; i < count; i++) {
      const verdict = balancer.process(memory, offset[i], length[i], now);
      if ((verdict & 0xff) !== SEND) unsent++;
    }
    return unsent;
  }

  advance(now: number): void {
    this.balancer.advance(now);
  }
}
