/** Writes the flows of a connection: what its packets look like, and what the kernel is to make of them. */
import { CHANGES_PORT, REWRITES_SOURCE } from '../flows/layout.js';
import { portsWord, swap16, swap32 } from '../flows/packet-order.js';
import { NO_SLOT, type FlowTable } from '../flows/table.js';
import * as rec from '../conn/record.js';
import { NO_HOP, type Routes } from '../route/routes.js';
import type { State } from '../state.js';
import { difference32, fold } from '../wire/checksum.js';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.js';
import { PROTOCOL_TCP } from '../wire/ipv4.js';

const NO_INTERFACE = 0;
const WORDS = rec.CONNECTION_LAYOUT.recordWords;

export const TO_SERVER = 0;
export const TO_CLIENT = 1;

export class FlowWriter {
  private readonly words: Int32Array;
  private serverHop = NO_HOP;
  private clientHop = NO_HOP;

  constructor(
    private readonly state: State,
    private readonly flows: FlowTable,
  ) {
    this.words = state.connections.words;
  }

  /** Finds both ways of a connection; false where one of them isn't known for certain. */
  describe(connection: number): boolean {
    const { destinations, routes } = this.state;
    const base = connection * WORDS;
    const server = this.words[base + rec.W_SERVER];
    if (!destinations.isAvailable(server)) return false;
    if (destinations.hopGeneration(server) !== routes.generation) return false;
    this.serverHop = destinations.hop(server);
    this.clientHop = this.hopToClient(base);
    if (!isPassable(routes, this.serverHop) || !isPassable(routes, this.clientHop)) return false;
    return this.ownsAnswers(connection);
  }

  /** The connection that the kernel takes the answers to this one for, 0 for none. See `ownsAnswers`. */
  rivalOf(connection: number): number {
    const { flows, words } = this;
    const base = connection * WORDS;
    const server = swap32(words[base + rec.W_DESTINATION]);
    const client = swap32(words[base + rec.W_CLIENT]);
    const ports = portsWord(words[base + rec.W_META] >>> 16, words[base + rec.W_PORTS] >>> 16);
    const slot = flows.find(server, client, ports);
    return slot === NO_SLOT ? 0 : flows.connectionOf(slot);
  }

  /**
   * False where the server's packets are taken for those of a later connection: one of the same client's port to
   * the same server, by way of another virtual service.
   */
  private ownsAnswers(connection: number): boolean {
    const { words } = this;
    const base = connection * WORDS;
    const owner = this.state.connections.findOutbound(
      PROTOCOL_TCP,
      words[base + rec.W_CLIENT],
      words[base + rec.W_PORTS] >>> 16,
      words[base + rec.W_DESTINATION],
      words[base + rec.W_META] >>> 16,
    );
    return owner === connection;
  }

  /**
   * Writes one flow of the connection that was described last.
   * @param isOpening its next packets may complete the handshake
   * @returns its slot, for `begin`; NO_SLOT where there is no place
   */
  write(connection: number, direction: number, isOpening: boolean, now: number): number {
    const { flows, words } = this;
    const base = connection * WORDS;
    const client = words[base + rec.W_CLIENT];
    const virtual = words[base + rec.W_VIRTUAL];
    const server = words[base + rec.W_DESTINATION];
    const clientPort = words[base + rec.W_PORTS] >>> 16;
    const virtualPort = words[base + rec.W_PORTS] & 0xffff;
    const serverPort = words[base + rec.W_META] >>> 16;
    const changes = virtualPort === serverPort ? 0 : CHANGES_PORT;

    const isToServer = direction === TO_SERVER;
    const source = swap32(isToServer ? client : server);
    const destination = swap32(isToServer ? virtual : client);
    const ports = isToServer
      ? portsWord(clientPort, virtualPort)
      : portsWord(serverPort, clientPort);
    const slot = flows.takePlace(source, destination, ports, now);
    if (slot === NO_SLOT) return NO_SLOT;

    const before = isToServer ? virtual : server;
    const after = isToServer ? server : virtual;
    const newPort = isToServer ? swap16(serverPort) : swap16(virtualPort) | REWRITES_SOURCE;
    flows.write(
      slot,
      connection,
      source,
      destination,
      ports,
      swap32(after),
      newPort | changes,
      fold(difference32(swap32(before), swap32(after))),
      isOpening,
    );
    writeWay(this.state.routes, isToServer ? this.serverHop : this.clientHop, flows, slot);
    return slot;
  }

  /** The kernel takes the ways to a connection's ends: their neighbours are to be kept known. */
  useWays(connection: number): void {
    const { destinations, routes } = this.state;
    const base = connection * WORDS;
    const server = this.words[base + rec.W_SERVER];
    if (destinations.hopGeneration(server) === routes.generation) {
      routes.use(destinations.hop(server));
    }
    routes.use(this.hopToClient(base));
  }

  private hopToClient(base: number): number {
    const { words } = this;
    const { routes } = this.state;
    if (words[base + rec.W_HOP_GENERATION] !== routes.generation) {
      words[base + rec.W_HOP] = routes.lookup(words[base + rec.W_CLIENT]);
      words[base + rec.W_HOP_GENERATION] = routes.generation;
    }
    return words[base + rec.W_HOP];
  }
}

/** A table that the kernel reads ways out from; each has its place there. */
interface WayTable {
  readonly bytes: Uint8Array;
  /** Where in `bytes` the MAC addresses are. */
  macsOffset(place: number): number;
  /** @param frameMax length of the longest frame that may leave that way */
  writeWay(place: number, ifindex: number, frameMax: number): void;
}

/** Tells the kernel of a hop that is passable. */
export function writeWay(routes: Routes, hop: number, table: WayTable, place: number): void {
  routes.writeMacs(hop, table.bytes, table.macsOffset(place));
  table.writeWay(place, interfaceOf(routes, hop), routes.mtuOf(hop) + ETHERNET_HEADER_BYTES);
}

/** True for a hop that the kernel can be told of. */
export function isPassable(routes: Routes, hop: number): boolean {
  return hop !== NO_HOP && routes.isResolved(hop) && interfaceOf(routes, hop) !== NO_INTERFACE;
}

function interfaceOf(routes: Routes, hop: number): number {
  return routes.ports[routes.portOf(hop)].ifindex ?? NO_INTERFACE;
}
