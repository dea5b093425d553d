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
import { Accounting } from './accounting.js';
import * as rec from './conn/record.js';
import { CLOSE, INPUT, OUTPUT, TIME_WAIT } from './conn/states.js';
import { dropReason, type DropCounters, type DropName } from './drops.js';
import { OFFLOAD_PARTIAL_CHECKSUM } from './driver/driver.js';
import { Exit } from './exit.js';
import { Lifecycle } from './lifecycle/connections.js';
import { NO_DESTINATION, NOT_OURS, REFUSED, Scheduling } from './lifecycle/schedule.js';
import { rewriteDestination, rewriteSource } from './nat/masquerade.js';
import { RelatedErrors } from './related.js';
import { NO_HOP, type Routes } from './route/routes.js';
import { ESTIMATION_TICKS } from './service/statistics.js';
import type { State } from './state.js';
import { ticksUntil } from './clock.js';
import { DROP, HAND_BACK, LEAVE, makeVerdict } from './verdict.js';
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

const TCP = ipv4.PROTOCOL_TCP;
const ICMP = ipv4.PROTOCOL_ICMP;
const TCP_HEADER_BYTES = tcp.TCP_HEADER_BYTES;
const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;
const SYN = tcp.SYN;

function dropVerdict(name: DropName): number {
  return makeVerdict(DROP, dropReason(name));
}

const DROP_TRUNCATED_IP = dropVerdict('truncated_ip');
const DROP_BAD_IP_HEADER = dropVerdict('bad_ip_header');
const DROP_TRUNCATED_TCP = dropVerdict('truncated_tcp');
const DROP_MARTIAN_SOURCE = dropVerdict('martian_source');
const DROP_FRAGMENT = dropVerdict('fragment');
const DROP_NO_DESTINATION = dropVerdict('no_destination');
const DROP_UNAVAILABLE = dropVerdict('destination_unavailable');
const DROP_TTL_EXCEEDED = dropVerdict('ttl_exceeded');
const DROP_TOO_BIG = dropVerdict('fragmentation_needed');
const DROP_NO_ROUTE = dropVerdict('no_route');

export class Engine {
  readonly drops: DropCounters;
  readonly routes: Routes;
  readonly lifecycle: Lifecycle;

  private readonly accounting: Accounting;
  private readonly exit: Exit;
  private readonly related: RelatedErrors;
  private readonly scheduling: Scheduling;
  private readonly words: Int32Array;
  private nextEstimation: number;
  private nextSchedulerTick: number;

  constructor(
    private readonly state: State,
    now: number,
  ) {
    this.drops = state.drops;
    this.routes = state.routes;
    this.words = state.connections.words;
    this.accounting = new Accounting(state);
    this.exit = new Exit(state);
    this.related = new RelatedErrors(state, this.exit, this.accounting);
    this.lifecycle = new Lifecycle(state);
    this.scheduling = new Scheduling(state, this.lifecycle, this.accounting);
    this.nextEstimation = (now + ESTIMATION_TICKS) | 0;
    this.nextSchedulerTick = now;
  }

  /** After an ANSWER verdict: the frame to be sent instead of the one received, `answerLength` bytes. */
  get answer(): Uint8Array {
    return this.exit.answer;
  }

  get answerLength(): number {
    return this.exit.answerLength;
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
      return this.fragment(source, destination);
    }
    const segment = ip + ipv4.headerBytes(memory, ip);
    const segmentBytes = ip + ipv4.totalLength(memory, ip) - segment;
    if (segmentBytes < TCP_HEADER_BYTES) {
      return this.truncated(memory, ip, segment, segmentBytes, now);
    }
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
      if (this.routes.isMartianSource(client)) return DROP_MARTIAN_SOURCE;
      c = this.scheduling.begin(client, clientPort, virtual, virtualPort, flags, now);
      if (c === NOT_OURS) {
        return this.state.virtualEndpoints.has(virtual, virtualPort) ? HAND_BACK : LEAVE;
      }
      if (c === REFUSED) return this.scheduling.refusal;
      if (c === NO_DESTINATION) return this.portUnreachable(memory, ip, virtual);
    }

    const destination = this.words[c * WORDS + SERVER];
    this.accounting.packetIn(destination, ipv4.totalLength(memory, ip));
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
    const hop = this.exit.hopToServer(destination);
    if (hop === NO_HOP) return DROP_NO_ROUTE;
    const virtual = ipv4.destination(memory, ip);
    if (ipv4.timeToLive(memory, ip) <= 1) {
      const type = icmp.TYPE_TIME_EXCEEDED;
      const code = icmp.CODE_TTL_EXCEEDED;
      return this.exit.error(memory, ip, type, code, 0, virtual, DROP_TTL_EXCEEDED);
    }
    ipv4.decrementTtl(memory, ip);
    if (this.exit.exceedsMtu(memory, ip, segment, hop, offload)) {
      const code = icmp.CODE_FRAGMENTATION_NEEDED;
      const mtu = this.routes.mtuOf(hop);
      return this.exit.error(memory, ip, icmp.TYPE_UNREACHABLE, code, mtu, virtual, DROP_TOO_BIG);
    }
    const address = this.words[connection * WORDS + rec.W_DESTINATION];
    const port = this.words[connection * WORDS + META] >>> 16;
    const isPartial = (offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0;
    rewriteDestination(memory, ip, segment, address, port, isPartial);
    return this.exit.send(memory, offset, hop);
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
    if (c === 0) return this.withoutConnection(memory, ip, segment, server, serverPort);
    // What can't be forwarded the kernel answers itself.
    if (ipv4.timeToLive(memory, ip) <= 1) return this.plain(server, serverPort);
    const hop = this.exit.hopToClient(c, client);
    if (hop === NO_HOP || this.exit.exceedsMtu(memory, ip, segment, hop, offload)) {
      return this.plain(server, serverPort);
    }
    const words = this.words;
    const base = c * WORDS;
    this.accounting.packetOut(words[base + SERVER], ipv4.totalLength(memory, ip));
    this.lifecycle.transition(c, OUTPUT, tcp.flags(memory, segment));
    const isPartial = (offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0;
    const virtualPort = words[base + PORTS] & 0xffff;
    rewriteSource(memory, ip, segment, words[base + VIRTUAL], virtualPort, isPartial);
    ipv4.decrementTtl(memory, ip);
    this.lifecycle.restartTimer(c, now);
    return this.exit.send(memory, offset, hop);
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

  /**
   * A packet whose TCP header isn't all there. With its ports ip_vs still finds a client's connection, counts
   * the packet and restarts the timer before it drops it.
   */
  private truncated(
    memory: Uint8Array,
    ip: number,
    segment: number,
    segmentBytes: number,
    now: number,
  ): number {
    if (segmentBytes < tcp.TCP_PORTS_BYTES) return DROP_TRUNCATED_TCP;
    const { connections, destinations } = this.state;
    const client = ipv4.source(memory, ip);
    const virtual = ipv4.destination(memory, ip);
    const clientPort = tcp.sourcePort(memory, segment);
    const virtualPort = tcp.destinationPort(memory, segment);
    const c = connections.findInbound(TCP, client, clientPort, virtual, virtualPort);
    if (c !== 0 && destinations.isAvailable(this.words[c * WORDS + SERVER])) {
      this.accounting.packetIn(this.words[c * WORDS + SERVER], ipv4.totalLength(memory, ip));
      this.lifecycle.restartTimer(c, now);
    }
    return DROP_TRUNCATED_TCP;
  }

  private fragment(source: number, destination: number): number {
    const { virtualEndpoints, realEndpoints } = this.state;
    const isOurs = virtualEndpoints.hasAddress(destination) || realEndpoints.hasAddress(source);
    return isOurs ? DROP_FRAGMENT : LEAVE;
  }

  /** A packet from a server that belongs to no connection: refused (nat_icmp_send), or plainly forwarded. */
  private withoutConnection(
    memory: Uint8Array,
    ip: number,
    segment: number,
    server: number,
    serverPort: number,
  ): number {
    const isReset = (tcp.flags(memory, segment) & tcp.RST) !== 0;
    const canForward = ipv4.timeToLive(memory, ip) > 1;
    if (this.state.settings.natIcmpSend !== 0 && !isReset && canForward) {
      const source = this.exit.ownAddressTowards(server);
      if (source !== 0 && this.state.servers.has(server, serverPort)) {
        // Forwarding has begun when ip_vs refuses the packet: that is what the error quotes.
        ipv4.decrementTtl(memory, ip);
        return this.portUnreachable(memory, ip, source);
      }
    }
    return this.plain(server, serverPort);
  }

  /** A packet that the kernel is to forward. */
  private plain(server: number, serverPort: number): number {
    return this.state.realEndpoints.has(server, serverPort) ? HAND_BACK : LEAVE;
  }

  private portUnreachable(memory: Uint8Array, ip: number, source: number): number {
    const code = icmp.CODE_PORT_UNREACHABLE;
    const type = icmp.TYPE_UNREACHABLE;
    return this.exit.error(memory, ip, type, code, 0, source, DROP_NO_DESTINATION);
  }
}
