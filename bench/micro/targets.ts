/** What the engine is to reach, and whether it has. */
import { median, type Measurement } from './measure.js';
import { DIRECTIONS, GROUP as ESTABLISHED } from './established.js';
import { GROUP as MEMORY } from './memory.js';
import { GROUP as OPENING, SCHEDULER_GROUP } from './opening.js';
import { table } from './table.js';

interface Target {
  what: string;
  limit: string;
  /** The figure that counts; undefined where it wasn't measured. */
  reached: number | undefined;
  isMet: (figure: number) => boolean;
}

export function targets(measurements: readonly Measurement[]): string {
  const rows = targetsOf(measurements)
    .filter(({ reached }) => reached !== undefined)
    .map(({ what, limit, reached = 0, isMet }) => {
      const figure = reached < 10 ? reached.toFixed(1) : String(Math.round(reached));
      return [what, limit, figure, isMet(reached) ? 'yes' : 'NO'];
    });
  return rows.length === 0 ? '' : table(['Target', 'limit', 'reached', 'met'], rows, 2);
}

function targetsOf(all: readonly Measurement[]): Target[] {
  const own = (group: string, live?: number) => figures(select(all, 'uvs', group, live));
  const bursts = all.filter((one) => (DIRECTIONS as readonly string[]).includes(one.case));
  const packets = (live: number) => figures(select(bursts, 'uvs', ESTABLISHED, live));
  const growth = DIRECTIONS.flatMap((direction) => {
    const both = select(bursts, 'uvs', ESTABLISHED).filter((one) => one.case === direction);
    const few = both.find(({ live }) => live === 1000);
    const many = both.find(({ live }) => live === 4_000_000);
    return few && many ? [median(many.rounds) / median(few.rounds)] : [];
  });
  const ratios = select(bursts, 'straightforward', ESTABLISHED).flatMap((rival) =>
    select(bursts, 'uvs', ESTABLISHED, rival.live)
      .filter((one) => one.case === rival.case)
      .map((one) => median(rival.rounds) / median(one.rounds)),
  );
  // With few connections what a process takes anyway is most of its growth.
  const memory = select(all, 'uvs', MEMORY).filter(
    (one) => one.case !== 'heap' && one.live >= 1_000_000,
  );
  return [
    atMost('established packet, 1 thousand live', 150, ' ns', packets(1000)),
    atMost('established packet, 1 million live', 300, ' ns', packets(1_000_000)),
    atMost('4 million live to 1 thousand', 2.5, ' times', growth),
    atMost('new connection, any number live', 1000, ' ns', own(OPENING)),
    atMost('new connection, any scheduler', 1000, ' ns', own(SCHEDULER_GROUP)),
    {
      what: 'straightforward to uvs, established, least ratio',
      limit: 'at least 10 times',
      reached: ratios.length === 0 ? undefined : Math.min(...ratios),
      isMet: (figure) => figure >= 10,
    },
    atMost('memory a connection, reserved and resident', 96, ' bytes', figures(memory)),
  ];
}

/** A limit that the greatest of some figures is to keep. */
function atMost(what: string, limit: number, unit: string, reached: number[]): Target {
  return {
    what,
    limit: `at most ${limit}${unit}`,
    reached: reached.length === 0 ? undefined : Math.max(...reached),
    isMet: (figure) => figure <= limit,
  };
}

function figures(measurements: readonly Measurement[]): number[] {
  return measurements.map(({ rounds }) => median(rounds));
}

function select(
  all: readonly Measurement[],
  subject: Measurement['subject'],
  group: string,
  live?: number,
): Measurement[] {
  return all.filter(
    (one) =>
      one.subject === subject && one.group === group && (live === undefined || one.live === live),
  );
}
