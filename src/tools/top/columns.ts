/** The columns of the table: what each shows of a service or real server, and how it sorts. */
import type { Statistics } from '../../control/api.js';
import type { DestinationSnapshot, ServiceSnapshot } from '../../control/snapshot.js';
import { short } from '../../observe/page/browser/numbers.js';

export type Entry = ServiceSnapshot | DestinationSnapshot;

export interface Column {
  /** Two lines at most, joined by a blank. */
  title: string;
  /** For `--help` and the help page. */
  meaning: string;
  width: number;
  valueOf: (entry: Entry) => number;
}

const WIDTH = 7;

export const COLUMNS: readonly Column[] = [
  ofRate('conn/s', 'new connections a second', 'connectionsPerSecond', 1),
  ofRate('pkt/s>', 'packets a second from clients', 'inPacketsPerSecond', 1),
  ofRate('<pkt/s', 'packets a second to clients', 'outPacketsPerSecond', 1),
  ofRate('bit/s>', 'bits a second from clients', 'inBytesPerSecond', 8),
  ofRate('<bit/s', 'bits a second to clients', 'outBytesPerSecond', 8),
  ofCount('active', 'connections that are being opened or open', 'activeConnections'),
  ofCount('inact', 'connections that are being closed or closed', 'inactiveConnections'),
];

/** Where the screen is wide enough for them. */
export const WIDE_COLUMNS: readonly Column[] = [
  ofCount('persist', 'clients that persistence ties to a server', 'persistentConnections'),
  ofRate('conns', 'connections since the counters began', 'connections', 1),
  ofRate('pkts>', 'packets from clients since the counters began', 'inPackets', 1),
  ofRate('<pkts', 'packets to clients since the counters began', 'outPackets', 1),
  ofRate('bytes>', 'bytes from clients since the counters began', 'inBytes', 1),
  ofRate('<bytes', 'bytes to clients since the counters began', 'outBytes', 1),
];

/** A cell as wide as its column, the number to the right. */
export function cellText(column: Column, entry: Entry): string {
  return short(column.valueOf(entry)).padStart(column.width);
}

function ofRate(title: string, meaning: string, key: keyof Statistics, factor: number): Column {
  const valueOf = (entry: Entry) => entry.statistics[key] * factor;
  return { title, meaning, width: WIDTH, valueOf };
}

type Count = 'activeConnections' | 'inactiveConnections' | 'persistentConnections';

/** Services have the sum of what their servers have. */
function ofCount(title: string, meaning: string, key: Count): Column {
  const valueOf = (entry: Entry) =>
    'destinations' in entry
      ? entry.destinations.reduce((sum, server) => sum + server[key], 0)
      : entry[key];
  return { title, meaning, width: Math.max(WIDTH, title.length + 1), valueOf };
}
