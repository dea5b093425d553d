/**
 * Servers' packets: TCP that is to be forwarded, perhaps on its way to a client of a virtual service
 * (ip_vs_core.c, ip_vs_out). What isn't is left to the kernel.
 */
import type { Accounting } from './accounting.js';
import * as rec from '../conn/record.js';
import { OUTPUT } from '../conn/states.js';
import { dropReason } from '../drops.js';
import { OFFLOAD_PARTIAL_CHECKSUM } from '../offload.js';
import type { Exit } from './exit.js';
import type { Lifecycle } from '../lifecycle/connections.js';
import { rewriteSource } from '../nat/masquerade.js';
import { NO_HOP } from '../route/routes.js';
import type { State } from '../state.js';
import { DROP, HAND_BACK, LEAVE, makeVerdict } from '../verdict.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const VIRTUAL = rec.W_VIRTUAL;
const PORTS = rec.W_PORTS;
const SERVER = rec.W_SERVER;
const TCP = ipv4.PROTOCOL_TCP;

const DROP_NO_ROUTE = makeVerdict(DROP, dropReason('no_route'));

export class ServerSide {
  private readonly words: Int32Array;

  constructor(
    private readonly state: State,
    private readonly lifecycle: Lifecycle,
    private readonly accounting: Accounting,
    private readonly exit: Exit,
  ) {
    this.words = state.connections.words;
  }

  /** Verdict about a packet `server` -> `client`, whose TCP header starts at `segment`. */
  process(
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
    // The kernel may have a way again by now, and would forward it under the server's own address.
    if (hop === NO_HOP) return DROP_NO_ROUTE;
    if (this.exit.exceedsMtu(memory, ip, segment, hop, offload)) {
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
    return this.exit.send(memory, offset, ip, hop, offload);
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
        return this.exit.portUnreachable(memory, ip, source);
      }
    }
    return this.plain(server, serverPort);
  }

  /** A packet that the kernel is to forward. */
  private plain(server: number, serverPort: number): number {
    return this.state.realEndpoints.has(server, serverPort) ? HAND_BACK : LEAVE;
  }
}
