/**
 * The files in which the ip_vs module shows itself in /proc/net, in its very form (net/netfilter/ipvs/ip_vs_ctl.c and
 * ip_vs_conn.c): numbers and addresses in upper-case hexadecimal. A kernel with HZ=100 has the same ticks.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ticksUntil, TICKS_PER_SECOND } from '../../../dataplane/clock.js';
import * as rec from '../../../dataplane/conn/record.js';
import type { State } from '../../../dataplane/state.js';
import type {
  DestinationEntry,
  DestinationKey,
  Info,
  ServiceEntry,
  Statistics,
} from '../../control/api.js';
import { ipv4FromText } from '../../control/ipv4.js';
import { stateName } from '../../virtual-server/listings.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const ROWS_PER_PIECE = 500;
/** Records that are looked at, or rows that are written, between two turns of the event loop. */
const RECORDS_PER_TURN = 50_000;
const CONNECTIONS_PER_PIECE = 2000;
const PROTOCOL_TCP = 6;

/** What each file begins with, by its name. */
export const BEGINNINGS = {
  ip_vs: 'IP Virtual Server version ',
  ip_vs_stats: '   Total Incoming Outgoing         Incoming         Outgoing\n',
  ip_vs_conn: 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n',
} as const;

/** net/ip_vs */
export async function* servicesFile(
  info: Info,
  services: readonly ServiceEntry[],
): AsyncGenerator<string> {
  let piece =
    `${BEGINNINGS.ip_vs}${info.version} (size=${info.connectionTableSize})\n` +
    'Prot LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  let rows = 0;
  for (const service of services) {
    piece += serviceRow(service);
    for (const server of service.destinations) {
      piece += serverRow(server);
      if (++rows % ROWS_PER_PIECE !== 0) continue;
      yield piece;
      piece = '';
      await nextTurn();
    }
  }
  yield piece;
}

/** net/ip_vs_stats */
export function statisticsFile(total: Statistics): string {
  const counters = [
    total.connections,
    total.inPackets,
    total.outPackets,
    total.inBytes,
    total.outBytes,
  ];
  const rates = [
    total.connectionsPerSecond,
    total.inPacketsPerSecond,
    total.outPacketsPerSecond,
    total.inBytesPerSecond,
    total.outBytesPerSecond,
  ];
  const lines = [
    '   Conns  Packets  Packets            Bytes            Bytes',
    countsRow(counters),
    '',
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s',
    countsRow(rates),
    '',
  ];
  return BEGINNINGS.ip_vs_stats + lines.join('\n');
}

/** net/ip_vs_conn; `clock` in ticks. */
export async function* connectionsFile(state: State, clock: () => number): AsyncGenerator<string> {
  const { connections } = state;
  let piece: string = BEGINNINGS.ip_vs_conn;
  let rows = 0;
  for (let c = 1; c <= connections.highWater; c++) {
    if (c % RECORDS_PER_TURN === 0) await nextTurn();
    if (!connections.isLive(c)) continue;
    piece += connectionRow(connections.words, c * WORDS, clock());
    if (++rows % CONNECTIONS_PER_PIECE !== 0) continue;
    yield piece;
    piece = '';
    await nextTurn();
  }
  yield piece;
}

/** Three numbers of packets and connections, two of bytes. */
function countsRow(counts: readonly number[]): string {
  return counts.map((count, i) => hex(count).padStart(i < 3 ? 8 : 16)).join(' ');
}

function serviceRow(service: ServiceEntry): string {
  const { scheduler, persistent, timeoutSeconds, netmask } = service;
  const ticks = timeoutSeconds * TICKS_PER_SECOND;
  const flags = persistent ? `persistent ${ticks} ${addressHex(netmask)}` : '';
  if (service.fwmark !== 0) return `FWM  ${hex(service.fwmark, 8)} ${scheduler} ${flags}\n`;
  return `${service.protocol.toUpperCase()}  ${endpointHex(service)} ${scheduler}  ${flags}\n`;
}

function serverRow(server: DestinationEntry): string {
  const { weight, activeConnections, inactiveConnections } = server;
  const numbers = [String(weight).padEnd(6), pad10(activeConnections), pad10(inactiveConnections)];
  return `  -> ${endpointHex(server)}      ${'Masq'.padEnd(7)} ${numbers.join(' ')}\n`;
}

function connectionRow(words: Int32Array, base: number, now: number): string {
  const meta = words[base + rec.W_META];
  const ports = words[base + rec.W_PORTS];
  const left = Math.max(0, ticksUntil(words[base + rec.W_DEADLINE], now));
  const fields = [
    ((meta >>> 8) & 0xff) === PROTOCOL_TCP ? 'TCP' : 'IP ',
    hex(words[base + rec.W_CLIENT] >>> 0, 8),
    hex(ports >>> 16, 4),
    hex(words[base + rec.W_VIRTUAL] >>> 0, 8),
    hex(ports & 0xffff, 4),
    hex(words[base + rec.W_DESTINATION] >>> 0, 8),
    hex(meta >>> 16, 4),
    stateName(words[base + rec.W_FLAGS], meta & 0xff).padEnd(11),
    String(Math.floor(left / TICKS_PER_SECOND)).padStart(7),
  ];
  return `${fields.join(' ')}\n`;
}

function endpointHex({ address, port }: DestinationKey): string {
  return `${addressHex(address)}:${hex(port, 4)}`;
}

/** Of an IPv4 address, as all are that the data plane balances. */
function addressHex(address: string): string {
  return hex((ipv4FromText(address) ?? 0) >>> 0, 8);
}

function hex(number: number, digits = 1): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}

function pad10(number: number): string {
  return String(number).padEnd(10);
}
