/**
 * The way out: which hop a packet takes, whether it fits, and the frame's last edits before it is sent, or
 * answered with an ICMP error of our own.
 */
import * as rec from '../conn/record.js';
import { OFFLOAD_GSO_SHIFT } from '../offload.js';
import { dropReason } from '../drops.js';
import { cutPacket } from '../fragments/cut.js';
import { Reassembly } from '../fragments/reassembly.js';
import { FrameQueue } from '../frame-queue.js';
import { buildIcmpError, icmpErrorFrameBytes } from '../nat/icmp-error.js';
import { NO_HOP, type Routes } from '../route/routes.js';
import type { State } from '../state.js';
import { ANSWER, DROP, makeVerdict, PARK, SEND, verdictValue } from '../verdict.js';
import * as icmp from '../wire/icmp.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const HOP = rec.W_HOP;
const HOP_GENERATION = rec.W_HOP_GENERATION;
/** A packet of 64 KB in as many fragments as one is ever put together from, and their headers. */
const ANSWERS_MAX = 128;
const ANSWER_BYTES_MAX = 1 << 17;

const DROP_NO_DESTINATION = makeVerdict(DROP, dropReason('no_destination'));
const DROP_FRAGMENT = makeVerdict(DROP, dropReason('fragment'));
const DONT_FRAGMENT = ipv4.FLAG_DONT_FRAGMENT;

export class Exit {
  /** Frames of our own making: what an ANSWER verdict sends. */
  readonly answers = new FrameQueue(ANSWERS_MAX, ANSWER_BYTES_MAX);

  /** Packets that came in fragments are put together here, and leave in fragments again. */
  readonly reassembly = new Reassembly();

  private readonly routes: Routes;
  private readonly words: Int32Array;
  private lastIdentification = 0;

  constructor(private readonly state: State) {
    this.routes = state.routes;
    this.words = state.connections.words;
  }

  /** The hop towards a server, NO_HOP where there is no route. Remembered in its record. */
  hopToServer(destination: number): number {
    const { destinations } = this.state;
    if (destinations.hopGeneration(destination) === this.routes.generation) {
      return destinations.hop(destination);
    }
    const hop = this.routes.lookup(destinations.address(destination));
    destinations.setHop(destination, hop, this.routes.generation);
    return hop;
  }

  /** The hop towards the client of a connection, remembered in the connection's record. */
  hopToClient(connection: number, client: number): number {
    const base = connection * WORDS;
    if (this.words[base + HOP_GENERATION] === this.routes.generation) return this.words[base + HOP];
    const hop = this.routes.lookup(client);
    this.words[base + HOP] = hop;
    this.words[base + HOP_GENERATION] = this.routes.generation;
    return hop;
  }

  /** The director's own address on the way to a neighbour, 0 where it has none there. */
  ownAddressTowards(address: number): number {
    const hop = this.routes.lookup(address);
    return hop === NO_HOP ? 0 : (this.routes.ports[this.routes.portOf(hop)].address ?? 0);
  }

  /** True for a packet that may not be fragmented and is too big for the hop's link. */
  exceedsMtu(
    memory: Uint8Array,
    ip: number,
    segment: number,
    hop: number,
    offload: number,
  ): boolean {
    const mtu = this.routes.mtuOf(hop);
    if (ipv4.totalLength(memory, ip) <= mtu) return false;
    const segmentPayload = offload >>> OFFLOAD_GSO_SHIFT;
    if (segmentPayload !== 0) {
      // A super-segment is cut later: what counts is the size of its pieces.
      return segment - ip + tcp.headerBytes(memory, segment) + segmentPayload > mtu;
    }
    return (ipv4.fragmentField(memory, ip) & DONT_FRAGMENT) !== 0;
  }

  /**
   * Addresses the frame to the next hop, and sends it, in fragments where it must be, or has it wait for the
   * hop's MAC address.
   * @param ip where its IP header starts
   */
  send(memory: Uint8Array, offset: number, ip: number, hop: number, offload: number): number {
    const { reassembly } = this;
    const mtu = this.routes.mtuOf(hop);
    const isTooLong = ipv4.totalLength(memory, ip) > mtu && offload >>> OFFLOAD_GSO_SHIFT === 0;
    const cameInFragments = memory === reassembly.memory;
    if (isTooLong || cameInFragments) {
      const largest = cameInFragments ? reassembly.largestFragment : mtu;
      const keepsPieces = cameInFragments && largest <= mtu;
      const pieceMax = largest < mtu ? largest : mtu;
      return this.sendFragments(memory, offset, ip, hop, pieceMax, keepsPieces);
    }
    if (!this.routes.isResolved(hop)) return makeVerdict(PARK, hop);
    this.routes.writeMacs(hop, memory, offset);
    return makeVerdict(SEND, this.routes.portOf(hop));
  }

  /**
   * Answers the packet at `ip` with an ICMP error from `source`; its own fate, the drop verdict `drop`, is
   * counted here. That verdict is all there is where no way leads back to the sender.
   */
  error(
    memory: Uint8Array,
    ip: number,
    type: number,
    code: number,
    mtu: number,
    source: number,
    drop: number,
  ): number {
    const hop = this.routes.lookup(ipv4.source(memory, ip));
    if (hop === NO_HOP || !this.routes.isResolved(hop)) return drop;
    this.lastIdentification = (this.lastIdentification + 1) & 0xffff;
    const id = this.lastIdentification;
    const { answers } = this;
    answers.clear();
    const at = answers.append(icmpErrorFrameBytes(memory, ip));
    buildIcmpError(answers.memory, at, memory, ip, type, code, mtu, source, id);
    this.routes.writeMacs(hop, answers.memory, at);
    this.state.drops.count(verdictValue(drop));
    return makeVerdict(ANSWER, this.routes.portOf(hop));
  }

  /** Tells the sender of the packet at `ip` that nobody is there for it, in the name of `source`. */
  portUnreachable(memory: Uint8Array, ip: number, source: number): number {
    const type = icmp.TYPE_UNREACHABLE;
    const code = icmp.CODE_PORT_UNREACHABLE;
    return this.error(memory, ip, type, code, 0, source, DROP_NO_DESTINATION);
  }

  private sendFragments(
    memory: Uint8Array,
    offset: number,
    ip: number,
    hop: number,
    pieceMax: number,
    keepsPieces: boolean,
  ): number {
    const { answers, reassembly } = this;
    const pieceCount = keepsPieces ? reassembly.pieceCount : 0;
    answers.clear();
    // A hop that isn't known yet has seen no packet before: the first one is lost only if it came in pieces.
    if (!this.routes.isResolved(hop)) return DROP_FRAGMENT;
    const linkBytes = ip - offset;
    if (!cutPacket(answers, memory, ip, linkBytes, pieceMax, reassembly.pieceEnds, pieceCount)) {
      return DROP_FRAGMENT;
    }
    for (let i = 0; i < answers.count; i++) {
      const at = answers.offset[i];
      answers.copyIn(memory, offset, at, linkBytes);
      this.routes.writeMacs(hop, answers.memory, at);
    }
    return makeVerdict(ANSWER, this.routes.portOf(hop));
  }
}
