/** As much data as goes: iperf3, to the client, to the server, both at once, on one connection or eight. */
import { LabError } from '../../../lab/errors.js';
import { BULK } from '../services.js';
import type { Site } from '../site.js';
import type { Axis } from './axis.js';

interface Direction {
  readonly id: string;
  readonly title: string;
  readonly arguments: readonly string[];
}

const DIRECTIONS: readonly Direction[] = [
  { id: 'down', title: 'to the client', arguments: ['--reverse'] },
  { id: 'up', title: 'to the server', arguments: [] },
  { id: 'both', title: 'both ways', arguments: ['--bidir'] },
];

export const bulk: readonly Axis[] = [1, 8].flatMap((streams) =>
  DIRECTIONS.map((direction) => bulkAxis(direction, streams)),
);

function bulkAxis(direction: Direction, streams: number): Axis {
  /** Bytes a second that were reached the last time. */
  const rates = new WeakMap<Site, number>();
  const plural = streams === 1 ? 'stream' : 'streams';
  return {
    id: `bulk-${direction.id}-${streams}`,
    title: `bulk ${direction.title}, ${streams} ${plural}`,
    metrics: [{ key: 'rate', unit: 'Gbit/s', better: 'more', digits: 2 }],
    work: { unit: 'GB', timeUnit: 'ms' },
    quick: direction.id === 'down' && streams === 1,
    commands: ['iperf3'],
    extraSeconds: 0.2,
    pieces: null,
    appliesTo: () => true,
    measure: async (site, { seconds }) => {
      const target = ['-c', site.address(BULK), '-p', String(BULK.port)];
      const load = ['-P', String(streams), ...direction.arguments];
      const known = rates.get(site);
      const result = await site.client.run(
        'iperf3',
        [...target, ...load, ...lengthOf(seconds, known), '--json'],
        { timeoutMs: (seconds + 30) * 1000 },
      );
      const bytes = receivedBytes(result.stdout);
      rates.set(site, bytes.count / bytes.seconds);
      return {
        values: { rate: (bytes.count * 8) / bytes.seconds / 1e9 },
        work: bytes.count / 1e9,
      };
    },
  };
}

/** iperf3 knows whole seconds only: a part of one is as many bytes as went the last time, in that time. */
function lengthOf(seconds: number, bytesPerSecond: number | undefined): string[] {
  if (Number.isInteger(seconds) || bytesPerSecond === undefined) {
    return ['-t', String(Math.ceil(seconds))];
  }
  return ['-n', String(Math.ceil(bytesPerSecond * seconds))];
}

/** The parts of iperf3's report that are used. */
interface Report {
  error?: string;
  end?: Record<string, { bytes?: number; seconds?: number }>;
}

function receivedBytes(output: string): { count: number; seconds: number } {
  const report = JSON.parse(output) as Report;
  if (report.error !== undefined) throw new LabError(`iperf3: ${report.error}`);
  // With --bidir there is a second sum for the way back.
  const sums = [report.end?.['sum_received'], report.end?.['sum_received_bidir_reverse']];
  const bytes = sums.map((sum) => sum?.bytes ?? 0);
  const seconds = sums[0]?.seconds ?? 0;
  const count = bytes.reduce((total, part) => total + part, 0);
  if (seconds === 0 || count === 0) throw new LabError(`iperf3 reports nothing: ${output}`);
  return { count, seconds };
}
