/**
 * ICMP errors about packets of connections (ip_vs_core.c: ip_vs_in_icmp, ip_vs_out_icmp). They count as
 * packets of the connection, but change neither its state nor its timer.
 */
import type { Accounting } from './accounting.js';
import * as rec from '../conn/record.js';
import { dropReason } from '../drops.js';
import type { Exit } from './exit.js';
import { quotedTcpPacket, translateToClient, translateToServer } from '../nat/icmp-translate.js';
import { NO_HOP } from '../route/routes.js';
import type { State } from '../state.js';
import { DROP, HAND_BACK, LEAVE, makeVerdict } from '../verdict.js';
import { isChecksumValid } from '../wire/checksum.js';
import * as icmp from '../wire/icmp.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const TCP = ipv4.PROTOCOL_TCP;
const FRAGMENTED = ipv4.FLAG_MORE_FRAGMENTS | ipv4.FRAGMENT_OFFSET_MASK;
/** First byte of an IPv4 header without options. */
const PLAIN_HEADER = 0x45;
const DROP_BAD_CHECKSUM = makeVerdict(DROP, dropReason('bad_icmp_checksum'));
const DROP_TTL_EXCEEDED = makeVerdict(DROP, dropReason('ttl_exceeded'));
const DROP_NO_ROUTE = makeVerdict(DROP, dropReason('no_route'));

export class RelatedErrors {
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly exit: Exit,
    private readonly accounting: Accounting,
  ) {
    this.words = state.connections.words;
  }

  /** Verdict about the ICMP message at `ip`, whose IP header has been checked. */
  process(memory: Uint8Array, offset: number, ip: number): number {
    const message = ip + ipv4.headerBytes(memory, ip);
    const messageBytes = ip + ipv4.totalLength(memory, ip) - message;
    if (messageBytes < icmp.ICMP_HEADER_BYTES || !icmp.isError(memory[message])) return LEAVE;
    if ((ipv4.fragmentField(memory, ip) & FRAGMENTED) !== 0) return LEAVE;
    const quoted = quotedTcpPacket(memory, ip);
    if (quoted === 0) return LEAVE;
    const isToServer = this.isToServer(memory, ip, quoted);
    const connection = this.connectionOf(memory, quoted, isToServer);
    if (connection === 0) return this.kernels(memory, ip, quoted);
    if (!isChecksumValid(memory, message, messageBytes)) return DROP_BAD_CHECKSUM;
    return isToServer
      ? this.toServer(memory, offset, ip, quoted, connection)
      : this.toClient(memory, offset, ip, quoted, connection);
  }

  /** An error about a reply: it comes to the VIP, also where that isn't an address of this host any more. */
  private isToServer(memory: Uint8Array, ip: number, quoted: number): boolean {
    const { routes, virtualEndpoints } = this.state;
    if (routes.isLocal(ipv4.destination(memory, ip))) return true;
    const port = tcp.sourcePort(memory, quoted + ipv4.headerBytes(memory, quoted));
    return virtualEndpoints.has(ipv4.source(memory, quoted), port);
  }

  /**
   * An error that is the kernel's. It was hidden if the packet it quotes was from a virtual endpoint or to a real
   * one, and neither header has options (dataplane/sys/interception.ts).
   */
  private kernels(memory: Uint8Array, ip: number, quoted: number): number {
    if (memory[ip] !== PLAIN_HEADER || memory[quoted] !== PLAIN_HEADER) return LEAVE;
    const { virtualEndpoints, realEndpoints } = this.state;
    const segment = quoted + ipv4.IPV4_HEADER_BYTES;
    const isHidden =
      virtualEndpoints.has(ipv4.source(memory, quoted), tcp.sourcePort(memory, segment)) ||
      realEndpoints.has(ipv4.destination(memory, quoted), tcp.destinationPort(memory, segment));
    return isHidden ? HAND_BACK : LEAVE;
  }

  /** The quoted packet went the other way: a reply VIP -> client, or a request client -> server. */
  private connectionOf(memory: Uint8Array, quoted: number, isToServer: boolean): number {
    const { connections } = this.state;
    const segment = quoted + ipv4.headerBytes(memory, quoted);
    const source = ipv4.source(memory, quoted);
    const sourcePort = tcp.sourcePort(memory, segment);
    const destination = ipv4.destination(memory, quoted);
    const destinationPort = tcp.destinationPort(memory, segment);
    return isToServer
      ? connections.findInbound(TCP, destination, destinationPort, source, sourcePort)
      : connections.findOutbound(TCP, source, sourcePort, destination, destinationPort);
  }

  private toServer(
    memory: Uint8Array,
    offset: number,
    ip: number,
    quoted: number,
    connection: number,
  ): number {
    const base = connection * WORDS;
    const destination = this.words[base + rec.W_SERVER];
    this.accounting.packetIn(destination, ipv4.totalLength(memory, ip));
    const hop = this.exit.hopToServer(destination);
    if (hop === NO_HOP) return DROP_NO_ROUTE;
    if (ipv4.timeToLive(memory, ip) <= 1) return DROP_TTL_EXCEEDED;
    const server = this.words[base + rec.W_DESTINATION];
    translateToServer(memory, ip, quoted, server, this.words[base + rec.W_META] >>> 16);
    ipv4.decrementTtl(memory, ip);
    return this.exit.send(memory, offset, ip, hop, 0);
  }

  private toClient(
    memory: Uint8Array,
    offset: number,
    ip: number,
    quoted: number,
    connection: number,
  ): number {
    const base = connection * WORDS;
    if (ipv4.timeToLive(memory, ip) <= 1) return this.kernels(memory, ip, quoted);
    const hop = this.exit.hopToClient(connection, ipv4.destination(memory, ip));
    if (hop === NO_HOP) return this.kernels(memory, ip, quoted);
    this.accounting.packetOut(this.words[base + rec.W_SERVER], ipv4.totalLength(memory, ip));
    const virtual = this.words[base + rec.W_VIRTUAL];
    translateToClient(memory, ip, quoted, virtual, this.words[base + rec.W_PORTS] & 0xffff);
    ipv4.decrementTtl(memory, ip);
    return this.exit.send(memory, offset, ip, hop, 0);
  }
}
