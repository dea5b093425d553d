/**
 * A virtual server as one would write it straight away: connections are objects, found through Maps whose keys
 * are strings, packets are parsed with a DataView into an object, and whoever has timed out is found by looking
 * at everybody. What the engine is measured against.
 *
 * It is no straw man: with established packets and new connections it does all that the engine does (checks,
 * TCP states, timeouts, counters of the total, service and server, TTL, checksums, next hops remembered) and
 * gives the same verdicts and the same bytes, which a unit test and every run of the benchmarks compare. Routes
 * and the table of TCP states are the engine's own. Left out is what no benchmark sends: fragments, ICMP,
 * offloads, persistence, thresholds, settings.
 */
import { ticksUntil } from '../../dataplane/clock.js';
import {
  CLOSE,
  defaultTimeouts,
  INPUT,
  IS_ACTIVE,
  nextState,
  NONE,
  OUTPUT,
  TIME_WAIT,
} from '../../dataplane/conn/states.js';
import { dropReason, type DropName } from '../../dataplane/drops.js';
import { NO_HOP, type Routes } from '../../dataplane/route/routes.js';
import { DROP, HAND_BACK, LEAVE, makeVerdict, PARK, SEND } from '../../dataplane/verdict.js';

const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const TCP = 6;
const SYN = 0x02;
const RST = 0x04;
const FRAGMENTED = 0x3fff;
const DONT_FRAGMENT = 0x4000;

interface Packet {
  view: DataView;
  /** Offsets from the frame's first byte. */
  ip: number;
  tcp: number;
  totalBytes: number;
  ttl: number;
  dontFragment: boolean;
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  flags: number;
}

export interface Counters {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

/** The next hop towards somebody, as of a generation of the routes. */
interface Way {
  address: number;
  hop: number;
  generation: number;
}

export interface Server {
  address: number;
  port: number;
  weight: number;
  active: number;
  inactive: number;
  way: Way;
  counters: Counters;
}

export interface Service {
  address: number;
  port: number;
  scheduler: 'rr' | 'wlc';
  /** Newest first. */
  servers: Server[];
  /** The server that rr chose last. */
  last: number;
  counters: Counters;
}

interface Connection {
  client: number;
  clientPort: number;
  virtual: number;
  virtualPort: number;
  service: Service;
  server: Server;
  state: number;
  isActive: boolean;
  deadline: number;
  inPackets: number;
  way: Way;
}

function newCounters(): Counters {
  return { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
}

function countIn(counters: Counters, bytes: number): void {
  counters.inPackets++;
  counters.inBytes += bytes;
}

function countOut(counters: Counters, bytes: number): void {
  counters.outPackets++;
  counters.outBytes += bytes;
}

function newWay(address: number): Way {
  return { address, hop: NO_HOP, generation: 0 };
}

function drop(reason: DropName): number {
  return makeVerdict(DROP, dropReason(reason));
}

/** RFC 1624: a checksum field after a 16-bit word under it has changed. */
function updateChecksum(view: DataView, field: number, before: number, after: number): void {
  let sum = (~view.getUint16(field) & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(field, ~sum & 0xffff);
}

function isHeaderChecksumValid(view: DataView, ip: number, headerBytes: number): boolean {
  let sum = 0;
  for (let i = 0; i < headerBytes; i += 2) sum += view.getUint16(ip + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** The packet in a frame, or the verdict about what is none for us. */
function parse(view: DataView): Packet | number {
  if (view.byteLength < ETHERNET_BYTES || view.getUint16(12) !== ETHERTYPE_IPV4) return LEAVE;
  const ip = ETHERNET_BYTES;
  const available = view.byteLength - ip;
  if (available < 20) return drop('truncated_ip');
  const headerBytes = (view.getUint8(ip) & 0x0f) * 4;
  const totalBytes = view.getUint16(ip + 2);
  if (view.getUint8(ip) >> 4 !== 4 || headerBytes < 20 || totalBytes < headerBytes) {
    return drop('bad_ip_header');
  }
  if (totalBytes > available) return drop('truncated_ip');
  if (!isHeaderChecksumValid(view, ip, headerBytes)) return drop('bad_ip_header');
  const fragment = view.getUint16(ip + 6);
  if (view.getUint8(ip + 9) !== TCP || (fragment & FRAGMENTED) !== 0) return LEAVE;
  if (totalBytes - headerBytes < 20) return drop('truncated_tcp');
  const tcp = ip + headerBytes;
  return {
    view,
    ip,
    tcp,
    totalBytes,
    ttl: view.getUint8(ip + 8),
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
    source: view.getInt32(ip + 12),
    sourcePort: view.getUint16(tcp),
    destination: view.getInt32(ip + 16),
    destinationPort: view.getUint16(tcp + 2),
    flags: view.getUint8(tcp + 13),
  };
}

/** Gives one end of a packet another address and port. */
function rewrite(
  packet: Packet,
  addressAt: number,
  portAt: number,
  address: number,
  port: number,
): void {
  const { view, tcp } = packet;
  rewriteAddressWord(packet, addressAt, address >>> 16);
  rewriteAddressWord(packet, addressAt + 2, address & 0xffff);
  updateChecksum(view, tcp + 16, view.getUint16(portAt), port);
  view.setUint16(portAt, port);
}

/** Addresses are under two checksums: the header's, and TCP's by way of the pseudo-header. */
function rewriteAddressWord({ view, ip, tcp }: Packet, at: number, word: number): void {
  const before = view.getUint16(at);
  updateChecksum(view, ip + 10, before, word);
  updateChecksum(view, tcp + 16, before, word);
  view.setUint16(at, word);
}

function decrementTtl({ view, ip }: Packet): void {
  const before = view.getUint16(ip + 8);
  view.setUint16(ip + 8, before - 0x100);
  updateChecksum(view, ip + 10, before, before - 0x100);
}

function pickServer(service: Service): Server | undefined {
  const { servers } = service;
  if (service.scheduler === 'wlc') {
    let least: Server | undefined;
    for (const server of servers) {
      if (server.weight === 0) continue;
      if (least === undefined || load(least) * server.weight > load(server) * least.weight) {
        least = server;
      }
    }
    return least;
  }
  for (let step = 1; step <= servers.length; step++) {
    const index = (service.last + step) % servers.length;
    if (servers[index].weight === 0) continue;
    service.last = index;
    return servers[index];
  }
  return undefined;
}

function load(server: Server): number {
  return server.active * 256 + server.inactive;
}

export class StraightforwardBalancer {
  readonly total = newCounters();
  readonly timeouts = defaultTimeouts();
  private readonly services = new Map<string, Service>();
  private readonly byClient = new Map<string, Connection>();
  private readonly byServer = new Map<string, Connection>();
  /** Replaced by a new connection from the same port. */
  private leaving: Connection[] = [];

  constructor(private readonly routes: Routes) {}

  get connectionCount(): number {
    return this.byClient.size;
  }

  addService(address: number, port: number, scheduler: 'rr' | 'wlc'): Service {
    const counters = newCounters();
    const service: Service = { address, port, scheduler, servers: [], last: -1, counters };
    this.services.set(`${address}:${port}`, service);
    return service;
  }

  addServer(service: Service, address: number, port: number, weight: number): Server {
    const way = newWay(address);
    const server = { address, port, weight, active: 0, inactive: 0, way, counters: newCounters() };
    service.servers.unshift(server);
    return server;
  }

  /** As Engine.process: decides about a frame and rewrites it in place. */
  process(memory: Uint8Array, offset: number, length: number, now: number): number {
    const view = new DataView(memory.buffer, memory.byteOffset + offset, length);
    const packet = parse(view);
    if (typeof packet === 'number') return packet;
    return this.routes.isLocal(packet.destination)
      ? this.fromClient(packet, memory, offset, now)
      : this.fromServer(packet, memory, offset, now);
  }

  /** Removes every connection whose time is up. */
  advance(now: number): void {
    for (const connection of this.leaving) release(connection);
    this.leaving = [];
    for (const connection of this.byClient.values()) {
      if (ticksUntil(connection.deadline, now) > 0) continue;
      this.forget(connection);
      release(connection);
    }
  }

  private fromClient(packet: Packet, memory: Uint8Array, offset: number, now: number): number {
    const { source, sourcePort, destination, destinationPort, flags, totalBytes } = packet;
    let connection = this.byClient.get(clientKey(source, sourcePort, destination, destinationPort));
    const isReused = connection?.state === TIME_WAIT || connection?.state === CLOSE;
    if (connection !== undefined && (flags & SYN) !== 0 && isReused) {
      // As in ip_vs, the old one still counts as its server's while the new one's is chosen.
      this.forget(connection);
      this.leaving.push(connection);
      connection = undefined;
    }
    if (connection === undefined) {
      if (this.routes.isMartianSource(source)) return drop('martian_source');
      const service = this.services.get(`${destination}:${destinationPort}`);
      if (service === undefined) return LEAVE;
      if ((flags & RST) !== 0 || (flags & SYN) === 0) return HAND_BACK;
      const server = pickServer(service);
      if (server === undefined) return drop('no_destination');
      connection = this.connect(packet, service, server);
    }
    const { service, server } = connection;
    countIn(this.total, totalBytes);
    countIn(service.counters, totalBytes);
    countIn(server.counters, totalBytes);
    this.transition(connection, INPUT, flags);
    connection.inPackets++;
    connection.deadline = (now + this.timeouts[connection.state]) | 0;
    const hop = this.hopOf(server.way);
    if (hop === NO_HOP) return drop('no_route');
    if (packet.ttl <= 1) return drop('ttl_exceeded');
    decrementTtl(packet);
    if (totalBytes > this.routes.mtuOf(hop) && packet.dontFragment) {
      return drop('fragmentation_needed');
    }
    rewrite(packet, packet.ip + 16, packet.tcp + 2, server.address, server.port);
    return this.send(memory, offset, hop);
  }

  private fromServer(packet: Packet, memory: Uint8Array, offset: number, now: number): number {
    const { source, sourcePort, destination, destinationPort, flags, totalBytes } = packet;
    const key = serverKey(destination, destinationPort, source, sourcePort);
    const connection = this.byServer.get(key);
    if (connection === undefined || packet.ttl <= 1) return this.plain(source, sourcePort);
    const hop = this.hopOf(connection.way);
    const isTooBig = totalBytes > this.routes.mtuOf(hop) && packet.dontFragment;
    if (hop === NO_HOP || isTooBig) return this.plain(source, sourcePort);
    countOut(this.total, totalBytes);
    countOut(connection.service.counters, totalBytes);
    countOut(connection.server.counters, totalBytes);
    this.transition(connection, OUTPUT, flags);
    const { virtual, virtualPort } = connection;
    rewrite(packet, packet.ip + 12, packet.tcp, virtual, virtualPort);
    decrementTtl(packet);
    connection.deadline = (now + this.timeouts[connection.state]) | 0;
    return this.send(memory, offset, hop);
  }

  private connect(packet: Packet, service: Service, server: Server): Connection {
    const connection: Connection = {
      client: packet.source,
      clientPort: packet.sourcePort,
      virtual: packet.destination,
      virtualPort: packet.destinationPort,
      service,
      server,
      state: NONE,
      isActive: false,
      deadline: 0,
      inPackets: 0,
      way: newWay(packet.source),
    };
    const { client, clientPort, virtual, virtualPort } = connection;
    this.byClient.set(clientKey(client, clientPort, virtual, virtualPort), connection);
    this.byServer.set(serverKey(client, clientPort, server.address, server.port), connection);
    server.inactive++;
    this.total.connections++;
    service.counters.connections++;
    server.counters.connections++;
    return connection;
  }

  private forget(connection: Connection): void {
    const { client, clientPort, virtual, virtualPort, server } = connection;
    this.byClient.delete(clientKey(client, clientPort, virtual, virtualPort));
    this.byServer.delete(serverKey(client, clientPort, server.address, server.port));
  }

  private transition(connection: Connection, direction: number, flags: number): void {
    const { server } = connection;
    connection.state = nextState(connection.state, direction, flags, 0);
    const isActive = IS_ACTIVE[connection.state] === 1;
    if (isActive === connection.isActive) return;
    connection.isActive = isActive;
    server.active += isActive ? 1 : -1;
    server.inactive -= isActive ? 1 : -1;
  }

  private hopOf(way: Way): number {
    if (way.generation !== this.routes.generation) {
      way.hop = this.routes.lookup(way.address);
      way.generation = this.routes.generation;
    }
    return way.hop;
  }

  private send(memory: Uint8Array, offset: number, hop: number): number {
    if (!this.routes.isResolved(hop)) return makeVerdict(PARK, hop);
    this.routes.writeMacs(hop, memory, offset);
    return makeVerdict(SEND, this.routes.portOf(hop));
  }

  /** A server's packet that is not of a connection: interception has hidden it, so it is given back. */
  private plain(address: number, port: number): number {
    for (const { servers } of this.services.values()) {
      if (servers.some((server) => server.address === address && server.port === port)) {
        return HAND_BACK;
      }
    }
    return LEAVE;
  }
}

function release({ server, isActive }: Connection): void {
  if (isActive) server.active--;
  else server.inactive--;
}

function clientKey(client: number, port: number, virtual: number, virtualPort: number): string {
  return `${client}:${port}-${virtual}:${virtualPort}`;
}

function serverKey(client: number, port: number, server: number, serverPort: number): string {
  return `${client}:${port}-${server}:${serverPort}`;
}
