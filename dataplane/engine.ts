/**
 * The engine: one frame in, one verdict out. A function of (state, frame, port, now): it sees no clock, no
 * socket, no timer and no log, allocates nothing per frame and never throws, whatever the bytes are.
 *
 *     frame -> Ethernet, IPv4 checked -> TCP:  to a local address   -> client's packet   -> server
 *                                              to another address   -> server's packet   -> client
 *                                     -> ICMP error about one of these
 *                                     -> anything else is the kernel's
 *
 * The order of checks is ip_vs's (ip_vs_core.c, ip_vs_in and ip_vs_out); statistics and the TCP state change
 * before a packet can still fail for its TTL, its size or a missing route.
 */
import * as rec from './conn/record.js';
import { CLOSE, INPUT, OUTPUT, TIME_WAIT } from './conn/states.js';
import { dropReason, type DropCounters, type DropName } from './drops.js';
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from './driver/driver.js';
import { Lifecycle } from './lifecycle/connections.js';
import { NO_DESTINATION, NOT_OURS, REFUSED, Scheduling } from './lifecycle/schedule.js';
import { buildIcmpError, ERROR_FRAME_BYTES } from './nat/icmp-error.js';
import { quotedTcpPacket, translateToClient, translateToServer } from './nat/icmp-translate.js';
import { rewriteDestination, rewriteSource } from './nat/masquerade.js';
import { NO_HOP, type Routes } from './route/routes.js';
import { ESTIMATION_TICKS, TOTAL_BLOCK } from './service/statistics.js';
import type { State } from './state.js';
import { ticksUntil } from './clock.js';
import { ANSWER, DROP, HAND_BACK, LEAVE, makeVerdict, PARK, SEND } from './verdict.js';
import { isChecksumValid } from './wire/checksum.js';
import { ipv4FrameHeaderBytes } from './wire/ethernet.js';
import * as icmp from './wire/icmp.js';
import * as ipv4 from './wire/ipv4.js';
import * as tcp from './wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const VIRTUAL = rec.W_VIRTUAL;
const PORTS = rec.W_PORTS;
const META = rec.W_META;
const SERVER = rec.W_SERVER;
const IN_PACKETS = rec.W_IN_PACKETS;
const CONTROLLER = rec.W_CONTROLLER;
const CHILDREN = rec.W_CHILDREN;
const HOP = rec.W_HOP;
const HOP_GENERATION = rec.W_HOP_GENERATION;

const TCP = ipv4.PROTOCOL_TCP;
const ICMP = ipv4.PROTOCOL_ICMP;
const TCP_HEADER_BYTES = tcp.TCP_HEADER_BYTES;
const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;
const DONT_FRAGMENT = ipv4.FLAG_DONT_FRAGMENT;
const SYN = tcp.SYN;

const REASON = (name: DropName): number => makeVerdict(DROP, dropReason(name));
const DROP_TRUNCATED_IP = REASON('truncated_ip');
const DROP_BAD_IP_HEADER = REASON('bad_ip_header');
const DROP_TRUNCATED_TCP = REASON('truncated_tcp');
const DROP_FRAGMENT = REASON('fragment');
const DROP_BAD_ICMP_CHECKSUM = REASON('bad_icmp_checksum');
const DROP_NO_DESTINATION = REASON('no_destination');
const DROP_UNAVAILABLE = REASON('destination_unavailable');
const DROP_TTL_EXCEEDED = REASON('ttl_exceeded');
const DROP_TOO_BIG = REASON('fragmentation_needed');
const DROP_NO_ROUTE = REASON('no_route');

export class Engine {
  /** A frame of our own making, to be sent instead of the one received. */
  readonly answer = new Uint8Array(ERROR_FRAME_BYTES);
  answerLength = 0;
  readonly drops: DropCounters;
  readonly routes: Routes;
  readonly lifecycle: Lifecycle;

  private readonly scheduling: Scheduling;
  private readonly words: Int32Array;
  private nextEstimation: number;
  private nextSchedulerTick: number;
  private lastIdentification = 0;

  constructor(
    private readonly state: State,
    now: number,
  ) {
    this.drops = state.drops;
    this.routes = state.routes;
    this.words = state.connections.words;
    this.lifecycle = new Lifecycle(state);
    this.scheduling = new Scheduling(state, this.lifecycle);
    this.nextEstimation = (now + ESTIMATION_TICKS) | 0;
    this.nextSchedulerTick = now;
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
    const left = this.lifecycle.advance(now, budget);
    if (ticksUntil(this.nextEstimation, now) <= 0) {
      this.nextEstimation = (now + ESTIMATION_TICKS) | 0;
      this.estimate();
    }
    if (ticksUntil(this.nextSchedulerTick, now) <= 0) {
      this.nextSchedulerTick = (now + 100) | 0;
      for (const scheduler of this.state.schedulers) scheduler?.tick?.(now);
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
    if (protocol === ICMP) return this.icmpError(memory, offset, ip, now);
    if (protocol !== TCP) return LEAVE;
    const source = ipv4.source(memory, ip);
    const destination = ipv4.destination(memory, ip);
    if ((ipv4.fragmentField(memory, ip) & FRAGMENTED) !== 0) {
      return this.fragment(source, destination);
    }
    const segment = ip + ipv4.headerBytes(memory, ip);
    if (segment + TCP_HEADER_BYTES > ip + ipv4.totalLength(memory, ip)) return DROP_TRUNCATED_TCP;
    return this.routes.isLocal(destination)
      ? this.fromClient(memory, offset, ip, segment, source, destination, offload, now)
      : this.fromServer(memory, offset, ip, segment, source, destination, offload, now);
  }

  /** A TCP packet to one of the director's own addresses: a client's, on its way to a server. */
  private fromClient(
    memory: Uint8Array,
    offset: number,
    ip: number,
    segment: number,
    client: number,
    virtual: number,
    offload: number,
    now: number,
  ): number {
    const { connections, destinations } = this.state;
    const clientPort = tcp.sourcePort(memory, segment);
    const virtualPort = tcp.destinationPort(memory, segment);
    const flags = tcp.flags(memory, segment);

    let c = connections.findInbound(TCP, client, clientPort, virtual, virtualPort);
    if (c !== 0 && (flags & SYN) !== 0 && this.isPortReused(c)) {
      if (this.words[c * WORDS + CHILDREN] === 0) this.lifecycle.expireNow(c, now);
      c = 0;
    }
    if (c !== 0 && !destinations.isAvailable(this.words[c * WORDS + SERVER])) {
      if (this.state.settings.expireNodestConn === 0) return DROP_UNAVAILABLE;
      this.lifecycle.expireNow(c, now);
      c = 0;
    }
    if (c === 0) {
      c = this.scheduling.begin(client, clientPort, virtual, virtualPort, flags, now);
      if (c === NOT_OURS) {
        return this.state.virtualEndpoints.has(virtual, virtualPort) ? HAND_BACK : LEAVE;
      }
      if (c === REFUSED) return this.scheduling.refusal;
      if (c === NO_DESTINATION) return this.portUnreachable(memory, ip, virtual);
    }

    const destination = this.words[c * WORDS + SERVER];
    this.countIn(destination, ipv4.totalLength(memory, ip));
    this.lifecycle.transition(c, INPUT, flags);
    const verdict = this.sendToServer(memory, offset, ip, segment, c, destination, offload);
    this.words[c * WORDS + IN_PACKETS]++;
    this.lifecycle.restartTimer(c, now);
    return verdict;
  }

  /** Masquerades towards the server. */
  private sendToServer(
    memory: Uint8Array,
    offset: number,
    ip: number,
    segment: number,
    connection: number,
    destination: number,
    offload: number,
  ): number {
    const hop = this.hopToServer(destination);
    if (hop === NO_HOP) return DROP_NO_ROUTE;
    if (ipv4.timeToLive(memory, ip) <= 1) {
      const source = ipv4.destination(memory, ip);
      const type = icmp.TYPE_TIME_EXCEEDED;
      return this.answerError(
        memory,
        ip,
        type,
        icmp.CODE_TTL_EXCEEDED,
        0,
        source,
        DROP_TTL_EXCEEDED,
      );
    }
    if (this.exceedsMtu(memory, ip, segment, hop, offload)) {
      const source = ipv4.destination(memory, ip);
      const mtu = this.routes.mtuOf(hop);
      const code = icmp.CODE_FRAGMENTATION_NEEDED;
      return this.answerError(memory, ip, icmp.TYPE_UNREACHABLE, code, mtu, source, DROP_TOO_BIG);
    }
    const address = this.words[connection * WORDS + rec.W_DESTINATION];
    const port = this.words[connection * WORDS + META] >>> 16;
    const isPartial = (offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0;
    rewriteDestination(memory, ip, segment, address, port, isPartial);
    ipv4.decrementTtl(memory, ip);
    return this.sendBy(memory, offset, hop);
  }

  /** A TCP packet that is to be forwarded: perhaps a server's, on its way to a client. */
  private fromServer(
    memory: Uint8Array,
    offset: number,
    ip: number,
    segment: number,
    server: number,
    client: number,
    offload: number,
    now: number,
  ): number {
    const serverPort = tcp.sourcePort(memory, segment);
    const clientPort = tcp.destinationPort(memory, segment);
    const c = this.state.connections.findOutbound(TCP, client, clientPort, server, serverPort);
    // The kernel forwards it plainly; and it answers itself what it couldn't forward.
    if (c === 0 || ipv4.timeToLive(memory, ip) <= 1) return this.plain(server, serverPort);
    const hop = this.hopToClient(c, client);
    if (hop === NO_HOP || this.exceedsMtu(memory, ip, segment, hop, offload)) {
      return this.plain(server, serverPort);
    }
    const words = this.words;
    const base = c * WORDS;
    this.countOut(words[base + SERVER], ipv4.totalLength(memory, ip));
    this.lifecycle.transition(c, OUTPUT, tcp.flags(memory, segment));
    const isPartial = (offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0;
    const virtualPort = words[base + PORTS] & 0xffff;
    rewriteSource(memory, ip, segment, words[base + VIRTUAL], virtualPort, isPartial);
    ipv4.decrementTtl(memory, ip);
    this.lifecycle.restartTimer(c, now);
    return this.sendBy(memory, offset, hop);
  }

  /** An ICMP message: ours if it is an error about a packet of a connection. */
  private icmpError(memory: Uint8Array, offset: number, ip: number, _now: number): number {
    const message = ip + ipv4.headerBytes(memory, ip);
    const messageBytes = ip + ipv4.totalLength(memory, ip) - message;
    if (messageBytes < icmp.ICMP_HEADER_BYTES || !icmp.isError(memory[message])) return LEAVE;
    if ((ipv4.fragmentField(memory, ip) & FRAGMENTED) !== 0) return LEAVE;
    const quoted = quotedTcpPacket(memory, ip);
    if (quoted === 0) return LEAVE;
    const quotedTcp = quoted + ipv4.headerBytes(memory, quoted);
    const source = ipv4.source(memory, quoted);
    const sourcePort = tcp.sourcePort(memory, quotedTcp);
    const destination = ipv4.destination(memory, quoted);
    const destinationPort = tcp.destinationPort(memory, quotedTcp);
    const { connections } = this.state;
    const isToServer = this.routes.isLocal(ipv4.destination(memory, ip));
    // The quoted packet went the other way: a reply VIP -> client, or a request client -> server.
    const c = isToServer
      ? connections.findInbound(TCP, destination, destinationPort, source, sourcePort)
      : connections.findOutbound(TCP, source, sourcePort, destination, destinationPort);
    if (c === 0) return LEAVE;
    if (!isChecksumValid(memory, message, messageBytes)) return DROP_BAD_ICMP_CHECKSUM;
    return isToServer
      ? this.icmpToServer(memory, offset, ip, quoted, c)
      : this.icmpToClient(memory, offset, ip, quoted, c);
  }

  private icmpToServer(
    memory: Uint8Array,
    offset: number,
    ip: number,
    quoted: number,
    connection: number,
  ): number {
    const base = connection * WORDS;
    const destination = this.words[base + SERVER];
    this.countIn(destination, ipv4.totalLength(memory, ip));
    const hop = this.hopToServer(destination);
    if (hop === NO_HOP) return DROP_NO_ROUTE;
    if (ipv4.timeToLive(memory, ip) <= 1) return DROP_TTL_EXCEEDED;
    const address = this.words[base + rec.W_DESTINATION];
    translateToServer(memory, ip, quoted, address, this.words[base + META] >>> 16);
    ipv4.decrementTtl(memory, ip);
    return this.sendBy(memory, offset, hop);
  }

  private icmpToClient(
    memory: Uint8Array,
    offset: number,
    ip: number,
    quoted: number,
    connection: number,
  ): number {
    const base = connection * WORDS;
    if (ipv4.timeToLive(memory, ip) <= 1) return LEAVE;
    const hop = this.hopToClient(connection, ipv4.destination(memory, ip));
    if (hop === NO_HOP) return LEAVE;
    this.countOut(this.words[base + SERVER], ipv4.totalLength(memory, ip));
    const virtual = this.words[base + VIRTUAL];
    translateToClient(memory, ip, quoted, virtual, this.words[base + PORTS] & 0xffff);
    ipv4.decrementTtl(memory, ip);
    return this.sendBy(memory, offset, hop);
  }

  /** True where a SYN on an existing connection is the start of a new one (conn_reuse_mode). */
  private isPortReused(connection: number): boolean {
    const { settings, destinations } = this.state;
    const base = connection * WORDS;
    if (settings.expireNodestConn !== 0 && destinations.weight(this.words[base + SERVER]) === 0) {
      return true;
    }
    if (settings.connReuseMode === 0 || this.words[base + CONTROLLER] !== 0) return false;
    const tcpState = this.words[base + META] & 0xff;
    return tcpState === TIME_WAIT || tcpState === CLOSE;
  }

  private fragment(source: number, destination: number): number {
    const { virtualEndpoints, realEndpoints } = this.state;
    const isOurs = virtualEndpoints.hasAddress(destination) || realEndpoints.hasAddress(source);
    return isOurs ? DROP_FRAGMENT : LEAVE;
  }

  /** A packet from a server that belongs to no connection. */
  private plain(server: number, serverPort: number): number {
    return this.state.realEndpoints.has(server, serverPort) ? HAND_BACK : LEAVE;
  }

  private portUnreachable(memory: Uint8Array, ip: number, virtual: number): number {
    const code = icmp.CODE_PORT_UNREACHABLE;
    const type = icmp.TYPE_UNREACHABLE;
    return this.answerError(memory, ip, type, code, 0, virtual, DROP_NO_DESTINATION);
  }

  /** Answers with an ICMP error, or drops with `otherwise` where there is no way to the sender. */
  private answerError(
    memory: Uint8Array,
    ip: number,
    type: number,
    code: number,
    mtu: number,
    source: number,
    otherwise: number,
  ): number {
    const hop = this.routes.lookup(ipv4.source(memory, ip));
    if (hop === NO_HOP || !this.routes.isResolved(hop)) return otherwise;
    this.lastIdentification = (this.lastIdentification + 1) & 0xffff;
    const identification = this.lastIdentification;
    const { answer } = this;
    this.answerLength = buildIcmpError(answer, memory, ip, type, code, mtu, source, identification);
    this.routes.writeMacs(hop, answer, 0);
    this.drops.count(otherwise >> 8);
    return makeVerdict(ANSWER, this.routes.portOf(hop));
  }

  /** Addresses the frame to the next hop, and sends it or has it wait for the hop's MAC address. */
  private sendBy(memory: Uint8Array, offset: number, hop: number): number {
    if (!this.routes.isResolved(hop)) return makeVerdict(PARK, hop);
    this.routes.writeMacs(hop, memory, offset);
    return makeVerdict(SEND, this.routes.portOf(hop));
  }

  /** True for a packet that may not be fragmented and is too big for the hop's link. */
  private exceedsMtu(
    memory: Uint8Array,
    ip: number,
    segment: number,
    hop: number,
    offload: number,
  ): boolean {
    const mtu = this.routes.mtuOf(hop);
    const total = ipv4.totalLength(memory, ip);
    if (total <= mtu) return false;
    const segmentPayload = offload >>> OFFLOAD_GSO_SHIFT;
    if (segmentPayload !== 0) {
      // A super-segment is cut later: what counts is the size of its pieces.
      const headers = segment - ip + tcp.headerBytes(memory, segment);
      return headers + segmentPayload > mtu;
    }
    return (ipv4.fragmentField(memory, ip) & DONT_FRAGMENT) !== 0;
  }

  private hopToServer(destination: number): number {
    const { destinations } = this.state;
    if (destinations.hopGeneration(destination) === this.routes.generation) {
      return destinations.hop(destination);
    }
    const hop = this.routes.lookup(destinations.address(destination));
    destinations.setHop(destination, hop, this.routes.generation);
    return hop;
  }

  private hopToClient(connection: number, client: number): number {
    const base = connection * WORDS;
    if (this.words[base + HOP_GENERATION] === this.routes.generation) return this.words[base + HOP];
    const hop = this.routes.lookup(client);
    this.words[base + HOP] = hop;
    this.words[base + HOP_GENERATION] = this.routes.generation;
    return hop;
  }

  private countIn(destination: number, bytes: number): void {
    const { state } = this;
    if (!state.destinations.isAvailable(destination)) return;
    state.statistics.countIn(TOTAL_BLOCK, bytes);
    state.statistics.countIn(state.serviceBlock(state.destinations.service(destination)), bytes);
    state.statistics.countIn(state.destinationBlock(destination), bytes);
  }

  private countOut(destination: number, bytes: number): void {
    const { state } = this;
    if (!state.destinations.isAvailable(destination)) return;
    state.statistics.countOut(TOTAL_BLOCK, bytes);
    state.statistics.countOut(state.serviceBlock(state.destinations.service(destination)), bytes);
    state.statistics.countOut(state.destinationBlock(destination), bytes);
  }

  private estimate(): void {
    const { statistics, services, destinations } = this.state;
    statistics.estimate(TOTAL_BLOCK);
    for (let s = 1; s <= services.highWater; s++) {
      if (services.isLive(s)) statistics.estimate(this.state.serviceBlock(s));
    }
    for (let d = 1; d <= destinations.highWater; d++) {
      if (destinations.isLive(d)) statistics.estimate(this.state.destinationBlock(d));
    }
  }
}
