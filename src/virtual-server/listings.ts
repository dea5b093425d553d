/** What the tables hold, in the form the control interface gives it out. */
import * as rec from '../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../dataplane/conn/states.js';
import { ticksUntil, TICKS_PER_SECOND } from '../../dataplane/clock.js';
import * as counters from '../../dataplane/service/statistics.js';
import { SERVICE_SCHEDULER_FLAGS } from '../../dataplane/service/services.js';
import type { State } from '../../dataplane/state.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import type {
  ConnectionEntry,
  DestinationEntry,
  ServiceEntry,
  Statistics,
} from '../control/api.js';
import { ipv4ToText } from '../control/ipv4.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** Destinations that are listed between two turns of the event loop. */
const DESTINATIONS_PER_TURN = 20;
/** What ipvsadm shows of a server that is reached by masquerading. */
const NO_TUNNEL = Object.freeze({ type: 'ipip', port: 0, checksum: 'none' } as const);
const PROTOCOL_NAMES: Record<number, string> = { 0: 'IP', 6: 'TCP', 17: 'UDP' };

/** Counters as they were last published, every two seconds. */
function publishedStatisticsOf(state: State, block: number): Statistics {
  const { statistics } = state;
  return statisticsFrom(state, block, (counter) => statistics.counter(block, counter));
}

/** Counters as they are. */
export function liveStatisticsOf(state: State, block: number): Statistics {
  const { statistics } = state;
  return statisticsFrom(state, block, (counter) => statistics.live(block, counter));
}

/** In one piece: put together of two objects, V8 takes several times as long to make and to read it. */
function statisticsFrom(
  { statistics }: State,
  block: number,
  count: (counter: number) => number,
): Statistics {
  return {
    connections: count(counters.CONNECTIONS),
    inPackets: count(counters.IN_PACKETS),
    outPackets: count(counters.OUT_PACKETS),
    inBytes: count(counters.IN_BYTES),
    outBytes: count(counters.OUT_BYTES),
    connectionsPerSecond: statistics.rate(block, counters.CONNECTIONS),
    inPacketsPerSecond: statistics.rate(block, counters.IN_PACKETS),
    outPacketsPerSecond: statistics.rate(block, counters.OUT_PACKETS),
    inBytesPerSecond: statistics.rate(block, counters.IN_BYTES),
    outBytesPerSecond: statistics.rate(block, counters.OUT_BYTES),
  };
}

export function destinationEntry(
  state: State,
  destination: number,
  statisticsOf = publishedStatisticsOf,
): DestinationEntry {
  const { destinations } = state;
  return {
    family: 'inet',
    address: ipv4ToText(destinations.address(destination)),
    port: destinations.port(destination),
    forwarding: 'masq',
    weight: destinations.weight(destination),
    upperThreshold: destinations.upperThreshold(destination),
    lowerThreshold: destinations.lowerThreshold(destination),
    tunnel: NO_TUNNEL,
    activeConnections: destinations.activeConnections(destination),
    inactiveConnections: destinations.inactiveConnections(destination),
    persistentConnections: destinations.persistentConnections(destination),
    statistics: statisticsOf(state, state.destinationBlock(destination)),
  };
}

/**
 * Visits the destinations of a service, newest first.
 * @param breathe is awaited after every few destinations: packets go on meanwhile, and a destination that is
 * deleted then isn't visited any more
 */
export async function eachDestination(
  { services, destinations }: State,
  service: number,
  breathe: () => Promise<void>,
  visit: (destination: number) => void,
): Promise<void> {
  const serial = services.serial(service);
  const members: number[] = [];
  // Another process may be changing the lists that are looked at.
  const most = destinations.highWater;
  for (
    let d = services.first(service);
    d !== 0 && members.length < most;
    d = destinations.next(d)
  ) {
    members.push(d);
  }
  for (const [i, d] of members.entries()) {
    if (i > 0 && i % DESTINATIONS_PER_TURN === 0) await breathe();
    const isMember = destinations.isLive(d) && destinations.isAvailable(d);
    if (isMember && destinations.serviceSerial(d) === serial) visit(d);
  }
}

/**
 * A service with its destinations, newest first.
 * @param breathe see `eachDestination`
 * @param describe gives the entry of a destination
 */
export async function serviceEntry<D extends DestinationEntry = DestinationEntry>(
  state: State,
  service: number,
  breathe: () => Promise<void>,
  describe: (destination: number) => D,
): Promise<ServiceEntry & { destinations: D[] }> {
  const entry = { ...serviceAlone(state, service), destinations: [] as D[] };
  await eachDestination(state, service, breathe, (d) => entry.destinations.push(describe(d)));
  return entry;
}

/** Without its destinations. */
export function serviceAlone(state: State, service: number): Omit<ServiceEntry, 'destinations'> {
  const { services } = state;
  const id = services.schedulerId(service);
  return {
    family: 'inet',
    protocol: 'tcp',
    address: ipv4ToText(services.address(service)),
    port: services.port(service),
    fwmark: services.fwmark(service),
    scheduler: SCHEDULERS[id - 1]?.name ?? 'none',
    schedulerFlags: services.flags(service) & SERVICE_SCHEDULER_FLAGS,
    persistent: services.isPersistent(service),
    timeoutSeconds: services.timeout(service) / TICKS_PER_SECOND,
    netmask: ipv4ToText(services.netmask(service)),
    onePacket: false,
    persistenceEngine: '',
    statistics: publishedStatisticsOf(state, state.serviceBlock(service)),
  };
}

export function connectionEntry(state: State, connection: number, now: number): ConnectionEntry {
  const { words } = state.connections;
  const base = connection * WORDS;
  const meta = words[base + rec.W_META];
  const left = ticksUntil(words[base + rec.W_DEADLINE], now);
  return {
    protocol: PROTOCOL_NAMES[(meta >>> 8) & 0xff] ?? 'IP',
    family: 'inet',
    clientAddress: ipv4ToText(words[base + rec.W_CLIENT]),
    clientPort: words[base + rec.W_PORTS] >>> 16,
    virtualAddress: ipv4ToText(words[base + rec.W_VIRTUAL]),
    virtualPort: words[base + rec.W_PORTS] & 0xffff,
    destinationAddress: ipv4ToText(words[base + rec.W_DESTINATION]),
    destinationPort: meta >>> 16,
    state: stateName(words[base + rec.W_FLAGS], meta & 0xff),
    expiresSeconds: Math.max(0, Math.floor(left / TICKS_PER_SECOND)),
  };
}

export function stateName(flags: number, state: number): string {
  if ((flags & rec.F_TEMPLATE) === 0) return STATE_NAMES[state] ?? 'ERR!';
  return state === rec.TEMPLATE_ASSURED ? 'ASSURED' : 'NONE';
}
