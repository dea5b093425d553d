/**
 * Clients' packets: TCP to one of the director's own addresses, on its way to a server (ip_vs_core.c,
 * ip_vs_in). The order of checks is ip_vs's; statistics and the TCP state change before a packet can still
 * fail for its TTL, its size or a missing route.
 */
import type { Accounting } from './accounting.js';
import * as rec from '../conn/record.js';
import { INPUT } from '../conn/states.js';
import { dropReason } from '../drops.js';
import { OFFLOAD_PARTIAL_CHECKSUM } from '../offload.js';
import type { Exit } from './exit.js';
import type { Lifecycle } from '../lifecycle/connections.js';
import type { Defence } from '../lifecycle/defence.js';
import { NO_DESTINATION, NOT_OURS, REFUSED, Scheduling } from '../lifecycle/schedule.js';
import { rewriteDestination } from '../nat/masquerade.js';
import { NO_HOP, type Routes } from '../route/routes.js';
import type { State } from '../state.js';
import { DROP, HAND_BACK, LEAVE, makeVerdict, SEND } from '../verdict.js';
import * as icmp from '../wire/icmp.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const META = rec.W_META;
const SERVER = rec.W_SERVER;
const IN_PACKETS = rec.W_IN_PACKETS;
const CHILDREN = rec.W_CHILDREN;
const TCP = ipv4.PROTOCOL_TCP;
const SYN = tcp.SYN;

const DROP_TRUNCATED = makeVerdict(DROP, dropReason('truncated_tcp'));
const DROP_MARTIAN_SOURCE = makeVerdict(DROP, dropReason('martian_source'));
const DROP_UNAVAILABLE = makeVerdict(DROP, dropReason('destination_unavailable'));
const DROP_NO_ROUTE = makeVerdict(DROP, dropReason('no_route'));
const DROP_TTL_EXCEEDED = makeVerdict(DROP, dropReason('ttl_exceeded'));
const DROP_TOO_BIG = makeVerdict(DROP, dropReason('fragmentation_needed'));

export class ClientSide {
  private readonly scheduling: Scheduling;
  private readonly routes: Routes;
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    private readonly accounting: Accounting,
    private readonly exit: Exit,
    defence: Defence,
  ) {
    this.scheduling = new Scheduling(state, lifecycle, accounting, defence);
    this.routes = state.routes;
    this.words = state.connections.words;
  }

  /** Verdict about a packet `client` -> `virtual`, whose TCP header starts at `segment`. */
  process(
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
    const isNew = c === 0;
    if (isNew) {
      if (this.routes.isMartianSource(client)) return DROP_MARTIAN_SOURCE;
      c = this.scheduling.begin(client, clientPort, virtual, virtualPort, flags, now);
      if (c === NOT_OURS) {
        return this.isHidden(client, clientPort, virtual, virtualPort) ? HAND_BACK : LEAVE;
      }
      if (c === REFUSED) return this.scheduling.refusal;
      if (c === NO_DESTINATION) return this.exit.portUnreachable(memory, ip, virtual);
    }

    const destination = this.words[c * WORDS + SERVER];
    this.accounting.packetIn(destination, ipv4.totalLength(memory, ip));
    this.lifecycle.transition(c, INPUT, flags);
    const verdict = this.sendToServer(memory, offset, ip, segment, c, destination, offload);
    this.words[c * WORDS + IN_PACKETS]++;
    if (isNew) this.lifecycle.startTimer(c, now);
    else this.lifecycle.restartTimer(c, now);
    const { fastPath } = this.lifecycle;
    if (fastPath === null) return verdict;
    const isSent = (verdict & 0xff) === SEND;
    if (isNew) fastPath.open(c, isSent, now);
    else if ((flags & SYN) !== 0) fastPath.watch(c);
    else if (isSent && fastPath.isWorthwhile(c)) fastPath.propose(c);
    return verdict;
  }

  /**
   * Verdict about a packet to a virtual endpoint whose address is none of this host's: another director has it by
   * now, perhaps. ip_vs doesn't see such packets, the kernel forwards them. Here connections that were balanced
   * go on, as long as their packets come this way, so that an address may be taken away and put back.
   */
  processForeign(
    memory: Uint8Array,
    offset: number,
    ip: number,
    segment: number,
    client: number,
    virtual: number,
    offload: number,
    now: number,
  ): number {
    const clientPort = tcp.sourcePort(memory, segment);
    const virtualPort = tcp.destinationPort(memory, segment);
    const isSyn = (tcp.flags(memory, segment) & SYN) !== 0;
    const c = this.state.connections.findInbound(TCP, client, clientPort, virtual, virtualPort);
    if (isSyn || c === 0) return HAND_BACK;
    return this.process(memory, offset, ip, segment, client, virtual, offload, now);
  }

  /**
   * A packet whose TCP header isn't all there. With its ports ip_vs still finds a client's connection, counts
   * the packet and restarts the timer before it drops it.
   */
  truncated(
    memory: Uint8Array,
    ip: number,
    segment: number,
    segmentBytes: number,
    now: number,
  ): number {
    if (segmentBytes < tcp.TCP_PORTS_BYTES) return DROP_TRUNCATED;
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
    return DROP_TRUNCATED;
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
    return this.exit.send(memory, offset, ip, hop, offload);
  }

  /** True where interception has hidden the packet: also a server's answer to a program of this host. */
  private isHidden(
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
  ): boolean {
    const { virtualEndpoints, realEndpoints } = this.state;
    return virtualEndpoints.has(virtual, virtualPort) || realEndpoints.has(client, clientPort);
  }

  /** True where a SYN on an existing connection is the start of a new one (conn_reuse_mode). */
  private isPortReused(connection: number): boolean {
    const { settings, destinations } = this.state;
    const base = connection * WORDS;
    if (settings.expireNodestConn !== 0 && destinations.weight(this.words[base + SERVER]) === 0) {
      return true;
    }
    return settings.connReuseMode !== 0 && this.lifecycle.isOver(connection);
  }
}
