/**
 * The engine: one frame in, one verdict out. A function of (state, frame, port, now): it sees no clock, no
 * socket, no timer and no log, allocates nothing per frame and never throws, whatever the bytes are.
 *
 *     frame -> Ethernet, IPv4 checked -> TCP:  to a local address   -> a client's packet  (client-side.ts)
 *                                              to another address   -> a server's packet  (server-side.ts),
 *                                                 or a client's whose VIP has left this host
 *                                     -> ICMP error about one of these                    (related.ts)
 *                                     -> anything else is the kernel's
 */
import { Accounting } from './engine/accounting.js';
import { ClientSide } from './engine/client-side.js';
import { ticksUntil } from './clock.js';
import { dropReason, type DropCounters } from './drops.js';
import { Exit } from './engine/exit.js';
import { INCOMPLETE, NONSENSE, type Reassembly } from './fragments/reassembly.js';
import type { FrameQueue } from './frame-queue.js';
import { Lifecycle } from './lifecycle/connections.js';
import { Defence } from './lifecycle/defence.js';
import { Prefetch } from './engine/prefetch.js';
import { RelatedErrors } from './engine/related.js';
import type { Routes } from './route/routes.js';
import { ServerSide } from './engine/server-side.js';
import { ESTIMATION_TICKS } from './service/statistics.js';
import type { State } from './state.js';
import { DROP, HAND_BACK, HOLD, KERNEL, LEAVE, makeVerdict } from './verdict.js';
import { ipv4FrameHeaderBytes } from './wire/ethernet.js';
import * as ipv4 from './wire/ipv4.js';
import * as tcp from './wire/tcp.js';

const TCP = ipv4.PROTOCOL_TCP;
const ICMP = ipv4.PROTOCOL_ICMP;
const TCP_HEADER_BYTES = tcp.TCP_HEADER_BYTES;
const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;

const DROP_TRUNCATED_IP = makeVerdict(DROP, dropReason('truncated_ip'));
const DROP_BAD_IP_HEADER = makeVerdict(DROP, dropReason('bad_ip_header'));
const DROP_FRAGMENT = makeVerdict(DROP, dropReason('fragment'));
const REASSEMBLY_FAILED = dropReason('reassembly_failed');

export class Engine {
  readonly drops: DropCounters;
  readonly routes: Routes;
  readonly lifecycle: Lifecycle;
  readonly defence: Defence;

  private readonly accounting: Accounting;
  private readonly exit: Exit;
  private readonly related: RelatedErrors;
  private readonly prefetching: Prefetch;
  private readonly clients: ClientSide;
  private readonly servers: ServerSide;
  private nextEstimation: number;
  private nextSchedulerTick: number;

  constructor(
    private readonly state: State,
    now: number,
  ) {
    this.drops = state.drops;
    this.routes = state.routes;
    this.accounting = new Accounting(state);
    this.exit = new Exit(state);
    this.prefetching = new Prefetch(state);
    this.related = new RelatedErrors(state, this.exit, this.accounting);
    this.lifecycle = new Lifecycle(state);
    this.defence = new Defence(state, this.lifecycle, now, now);
    this.clients = new ClientSide(state, this.lifecycle, this.accounting, this.exit, this.defence);
    this.servers = new ServerSide(state, this.lifecycle, this.accounting, this.exit);
    this.nextEstimation = (now + ESTIMATION_TICKS) | 0;
    this.nextSchedulerTick = now;
  }

  /** After an ANSWER verdict: the frames to be sent instead of the one received. */
  get answers(): FrameQueue {
    return this.exit.answers;
  }

  /** To be called before the frames of a burst: what the kernel has forwarded meanwhile came earlier. */
  catchUp(now: number): void {
    this.lifecycle.fastPath?.catchUp(now);
  }

  /** Between two bursts, when nothing waits to be processed or sent. */
  settle(now: number): void {
    this.lifecycle.fastPath?.settle(now);
  }

  /** Fragments that wait for others. */
  get reassembly(): Reassembly {
    return this.exit.reassembly;
  }

  /** Looks ahead: to be called with the frames of a burst before each of them is processed. */
  prefetch(memory: Uint8Array, offset: Int32Array, length: Int32Array, count: number): void {
    this.prefetching.touch(memory, offset, length, count);
  }

  /**
   * Decides about a frame and rewrites it in place.
   * @param offset where the frame's Ethernet header starts, `length` its bytes from there
   * @param port the port it came in by
   * @param offload checksum and segmentation as in dataplane/driver/driver.ts
   * @param now ticks
   * @returns a verdict (dataplane/verdict.ts)
   */
  process(
    memory: Uint8Array,
    offset: number,
    length: number,
    _port: number,
    offload: number,
    now: number,
  ): number {
    // Without a service ip_vs isn't in the packets' way at all.
    if (this.state.services.count === 0) return LEAVE;
    const ethernetBytes = ipv4FrameHeaderBytes(memory, offset, length);
    if (ethernetBytes === 0) return LEAVE;
    const verdict = this.decide(memory, offset, ethernetBytes, length, offload, now);
    if ((verdict & 0xff) === DROP) this.drops.count(verdict >> 8);
    return verdict;
  }

  /**
   * Runs everything that is due: connections that expire, statistics, the trash of deleted destinations.
   * @param budget bounds the work: about how many connections are looked at
   * @returns true where more work is due than the budget allowed
   */
  advance(now: number, budget: number): boolean {
    this.lifecycle.fastPath?.advance(now);
    const afterTimers = this.lifecycle.advance(now, budget);
    const left = this.defence.advance(now, afterTimers);
    if (ticksUntil(this.nextEstimation, now) <= 0) {
      this.nextEstimation = (now + ESTIMATION_TICKS) | 0;
      this.accounting.estimate();
    }
    if (ticksUntil(this.nextSchedulerTick, now) <= 0) {
      this.nextSchedulerTick = (now + 100) | 0;
      const { schedulers } = this.state;
      for (let s = 1; s < schedulers.length; s++) schedulers[s]?.tick?.(now);
    }
    this.state.trash.advance(now);
    return left === 0;
  }

  private decide(
    memory: Uint8Array,
    offset: number,
    ethernetBytes: number,
    length: number,
    offload: number,
    now: number,
  ): number {
    const ip = offset + ethernetBytes;
    const check = ipv4.checkHeader(memory, ip, length - ethernetBytes);
    if (check !== ipv4.HEADER_OK) {
      return check === ipv4.HEADER_TRUNCATED ? DROP_TRUNCATED_IP : DROP_BAD_IP_HEADER;
    }
    const protocol = ipv4.protocol(memory, ip);
    if (protocol === ICMP) return this.related.process(memory, offset, ip);
    if (protocol !== TCP) return LEAVE;
    const source = ipv4.source(memory, ip);
    const destination = ipv4.destination(memory, ip);
    if ((ipv4.fragmentField(memory, ip) & FRAGMENTED) !== 0) {
      return this.fragment(memory, offset, ip, source, destination, now);
    }
    return this.segment(memory, offset, ip, source, destination, offload, now);
  }

  /** A whole TCP packet. */
  private segment(
    memory: Uint8Array,
    offset: number,
    ip: number,
    source: number,
    destination: number,
    offload: number,
    now: number,
  ): number {
    const segment = ip + ipv4.headerBytes(memory, ip);
    const segmentBytes = ip + ipv4.totalLength(memory, ip) - segment;
    if (segmentBytes < TCP_HEADER_BYTES) {
      return this.clients.truncated(memory, ip, segment, segmentBytes, now);
    }
    const { clients } = this;
    if (this.routes.isLocal(destination)) {
      return clients.process(memory, offset, ip, segment, source, destination, offload, now);
    }
    const verdict = this.servers.process(
      memory,
      offset,
      ip,
      segment,
      source,
      destination,
      offload,
      now,
    );
    if ((verdict & 0xff) !== KERNEL) return verdict;
    if (!this.state.virtualEndpoints.has(destination, tcp.destinationPort(memory, segment))) {
      return verdict;
    }
    return clients.processForeign(memory, offset, ip, segment, source, destination, offload, now);
  }

  /**
   * A fragment: a packet to or from one of our addresses is put together and goes on as a whole. The kernel has
   * its own copies of the fragments unless the first one's ports had it hidden.
   */
  private fragment(
    memory: Uint8Array,
    offset: number,
    ip: number,
    source: number,
    destination: number,
    now: number,
  ): number {
    const { virtualEndpoints, realEndpoints } = this.state;
    if (!virtualEndpoints.hasAddress(destination) && !realEndpoints.hasAddress(source)) {
      return LEAVE;
    }
    const { reassembly } = this.exit;
    const whole = reassembly.add(memory, ip, now);
    this.drops.counts[REASSEMBLY_FAILED] += reassembly.takeDiscarded();
    if (whole === NONSENSE) return DROP_FRAGMENT;
    if (whole === INCOMPLETE) return HOLD;
    const linkBytes = ip - offset;
    const wholeOffset = whole - linkBytes;
    for (let i = 0; i < linkBytes; i++) reassembly.memory[wholeOffset + i] = memory[offset + i];
    const verdict = this.segment(
      reassembly.memory,
      wholeOffset,
      whole,
      source,
      destination,
      0,
      now,
    );
    // Only the last fragment is at hand to be given back.
    return verdict === HAND_BACK ? DROP_FRAGMENT : verdict;
  }
}
