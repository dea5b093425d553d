/**
 * Where only one side of a director was captured, half of the packets are those that it sent itself, and what
 * they were made of is not in the capture. They are taken back to it:
 *
 *     VIP -> client      was   server -> client     of a connection that is known
 *     client -> server   was   client -> VIP        of a connection that is known; of a service with that server
 *                                                   for a SYN, as long as no client's own packet was captured
 */
import * as rec from '../../../../dataplane/conn/record.js';
import { rewriteDestination, rewriteSource } from '../../../../dataplane/nat/masquerade.js';
import type { Endpoint } from '../../../../dataplane/service/endpoints.js';
import type { State } from '../../../../dataplane/state.js';
import * as ipv4 from '../../../../dataplane/wire/ipv4.js';
import { ACK, SYN } from '../../../../dataplane/wire/tcp.js';
import type { Frame } from './frame.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const TTL_OFFSET = 8;
const TTL_MAX = 255;

export class Undo {
  /** The capture has packets of clients to the director. */
  private hasClientSide = false;
  /** Of each server one service that it is in. */
  private readonly serviceOfServer = new Map<string, Endpoint>();

  constructor(private readonly state: State) {
    const { services, destinations } = state;
    for (let s = 1; s <= services.highWater; s++) {
      const virtual = { address: services.address(s), port: services.port(s) };
      if (!services.isLive(s) || virtual.port === 0) continue;
      for (let d = services.first(s); d !== 0; d = destinations.next(d)) {
        const port = destinations.port(d) === 0 ? virtual.port : destinations.port(d);
        const server = `${destinations.address(d)}:${port}`;
        if (!this.serviceOfServer.has(server)) this.serviceOfServer.set(server, virtual);
      }
    }
  }

  noteClientSide(): void {
    this.hasClientSide = true;
  }

  /** Takes a packet VIP -> client back to server -> client; false where that can't be. */
  toServersPacket(frame: Frame): boolean {
    const { connections } = this.state;
    const { source, destination, sourcePort, destinationPort } = frame;
    const c = connections.findInbound(
      ipv4.PROTOCOL_TCP,
      destination,
      destinationPort,
      source,
      sourcePort,
    );
    if (c === 0) return false;
    const address = connections.words[c * WORDS + rec.W_DESTINATION];
    const port = connections.words[c * WORDS + rec.W_META] >>> 16;
    rewriteSource(frame.memory, frame.ip, frame.segment, address, port, frame.offload !== 0);
    takeBackHop(frame);
    return true;
  }

  /** Takes a packet client -> server back to client -> VIP; false where that can't be. */
  toClientsPacket(frame: Frame): boolean {
    const virtual = this.virtualOf(frame);
    if (virtual === undefined) return false;
    const { memory, ip, segment, offload } = frame;
    rewriteDestination(memory, ip, segment, virtual.address, virtual.port, offload !== 0);
    takeBackHop(frame);
    return true;
  }

  private virtualOf(frame: Frame): Endpoint | undefined {
    const { connections } = this.state;
    const { source, destination, sourcePort, destinationPort } = frame;
    const c = connections.findOutbound(
      ipv4.PROTOCOL_TCP,
      source,
      sourcePort,
      destination,
      destinationPort,
    );
    if (c !== 0) {
      const address = connections.words[c * WORDS + rec.W_VIRTUAL];
      return { address, port: connections.words[c * WORDS + rec.W_PORTS] & 0xffff };
    }
    if (this.hasClientSide || (frame.tcpFlags & (SYN | ACK)) !== SYN) return undefined;
    return this.serviceOfServer.get(`${destination}:${destinationPort}`);
  }
}

/** Gives a packet back the hop that its TTL has lost. */
function takeBackHop({ memory, ip }: Frame): void {
  if (memory[ip + TTL_OFFSET] === TTL_MAX) return;
  memory[ip + TTL_OFFSET] += 1;
  ipv4.updateHeaderChecksum(memory, ip);
}
