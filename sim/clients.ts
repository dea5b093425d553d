/** Clients: machines that open connections, ask, wait, think and close, each in the way its connection has it. */
import { SYN } from '../dataplane/wire/tcp.js';
import { CLIENT, type Fate, Flow } from './flow.js';
import { Machine } from './machine.js';
import type { Network } from './network.js';
import type { View } from './packet.js';
import type { Random } from './random.js';
import { OUTER } from './site.js';
import { TcpEnd } from './tcp.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/** Few ports, so that they are used again, and soon. */
const FIRST_PORT = 2000;
const PORT_COUNT = 64;
/** A port rests until nothing of its last connection can be under way any more. */
const REUSE_MS = 5000;
/** Connections opened between two looks for those that are over. */
const PRUNE_EVERY = 64;

/** All connections there have been and, by the client's end, those there are. */
export class Flows {
  /** Those that may still be under way. */
  readonly open = new Set<Flow>();
  private count = 0;
  private readonly byClient = new Map<number, Flow>();

  /** The connection that uses, or used last, a client's port. */
  of(client: number, port: number): Flow | undefined {
    return this.byClient.get((client >>> 0) * 0x10000 + port);
  }

  begin(client: number, port: number, virtual: number, virtualPort: number, random: Random): Flow {
    this.count += 1;
    const flow = new Flow(this.count, client, port, virtual, virtualPort, random);
    this.byClient.set((client >>> 0) * 0x10000 + port, flow);
    this.open.add(flow);
    if (this.count % PRUNE_EVERY === 0) this.prune();
    return flow;
  }

  /** Forgets the connections that are over. */
  prune(): void {
    for (const flow of this.open) if (flow.isOver) this.open.delete(flow);
  }

  /** Forgives every connection there is. */
  forgiveAll(reason: string): void {
    for (const flow of this.open) flow.forgive(reason);
  }
}

export class Client extends Machine {
  private nextPort = 0;
  /** By port: when its last connection ended. */
  private readonly endedMs = new Map<number, number>();

  constructor(
    world: World,
    network: Network,
    address: number,
    private readonly flows: Flows,
    private readonly random: Random,
  ) {
    super(world, network, address, OUTER);
  }

  /** Opens a connection. @returns none where all ports are in use */
  open(virtual: number, virtualPort: number): Flow | null {
    const port = this.freePort();
    if (port === 0) return null;
    const { flows, random } = this;
    const flow = flows.begin(this.address, port, virtual, virtualPort, random);
    const local = { address: this.address, port };
    const end = new TcpEnd(this, flow, CLIENT, local, { address: virtual, port: virtualPort });
    this.ends.set(port, end);
    this.world.tally.add('connections opened');
    this.world.trace.event(port, () => `${flow.toString()} opens`);
    end.open();
    if (flow.ending === 'client vanishes half-open')
      this.after(random.below(3), () => this.vanish(end));
    return flow;
  }

  progressed(end: TcpEnd): void {
    const { flow } = end;
    // What is asked next waits for the answer to what was asked before.
    while (flow.asked < flow.exchanges.length && end.received >= flow.answeredBefore(flow.asked)) {
      const { pauseMs } = flow.exchanges[flow.asked];
      flow.asked += 1;
      const isLast = flow.asked === flow.exchanges.length;
      const upTo = flow.requestLimit(flow.asked);
      const closes = isLast && flow.ending === 'client closes early';
      if (pauseMs === 0) end.write(upTo, closes);
      else this.after(pauseMs, () => end.write(upTo, closes));
    }
    if (end.received >= flow.responseBytes) this.finish(end, flow.requestBytes);
  }

  override ended(end: TcpEnd, fate: Fate): void {
    super.ended(end, fate);
    this.endedMs.set(end.local.port, this.nowMs);
    if (fate === 'completed' && end.flow.excuse === null) {
      const missing = end.flow.responseBytes + 1 - end.received;
      if (missing !== 0) throw new Violation('bytes', `${end.flow.toString()}: ${missing} missing`);
    }
  }

  protected endOf(segment: View): TcpEnd | undefined {
    const end = this.ends.get(segment.destinationPort);
    const { remote } = end ?? {};
    return remote?.address === segment.source && remote.port === segment.sourcePort
      ? end
      : undefined;
  }

  protected accept(): boolean {
    return false;
  }

  protected flowOf(segment: View): Flow | undefined {
    const flow = this.flows.of(this.address, segment.destinationPort);
    return flow?.virtual === segment.source && flow.virtualPort === segment.sourcePort
      ? flow
      : undefined;
  }

  protected checkStranger(flow: Flow): void {
    // A client that lives has an end; one whose end is over has not closed in both directions yet.
    if (flow.fates[CLIENT] === null) {
      throw new Violation('reset', `the client of ${flow.toString()} has no end`);
    }
  }

  protected forget(end: TcpEnd): void {
    if (this.ends.get(end.local.port) === end) this.ends.delete(end.local.port);
  }

  /** All answers are there. */
  private finish(end: TcpEnd, asked: number): void {
    switch (end.flow.ending) {
      case 'client closes':
      case 'client closes early':
        end.write(asked, true);
        break;
      case 'server closes':
        if (end.hasFin) end.write(asked, true);
        break;
      case 'client resets':
        end.abort();
        break;
      case 'client vanishes':
        this.vanish(end);
        break;
    }
  }

  private vanish(end: TcpEnd): void {
    end.vanish();
    end.flow.forgive('the client is gone');
    // Its machine answers nothing for a while, then it is there again and knows of nothing.
    this.after(this.random.between(1000, 100_000), () => this.forget(end));
  }

  private freePort(): number {
    for (let i = 0; i < PORT_COUNT; i++) {
      this.nextPort = (this.nextPort + this.random.between(1, 3)) % PORT_COUNT;
      const port = FIRST_PORT + this.nextPort;
      const before = this.ends.get(port);
      if (this.nowMs - (this.endedMs.get(port) ?? -REUSE_MS) < REUSE_MS) continue;
      if (before === undefined) return port;
      // A port whose connection is closed is used again while TIME_WAIT lasts, as tcp_tw_reuse allows.
      const isClosed = before.flow.fates[CLIENT] === 'completed';
      if (isClosed && this.random.chance(0.2)) return port;
    }
    return 0;
  }
}

/** Segments of nobody's: SYNs, stray and senseless ones, from addresses where nobody waits for an answer. */
export const NOISE_FLAGS = [SYN, SYN, SYN, 0x10, 0x18, 0x11, 0x04, 0x14, 0x12, 0x00, 0x3f];
