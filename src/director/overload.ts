/**
 * Tells when overload begins and ends, from the counters as they are from time to time: a sentence each for the
 * log, and none in between. What has ended once must stay so for a while, so that the log isn't flooded by what
 * comes and goes.
 */
import type { Counters } from '../control/api.js';

export interface Notice {
  kind: 'begins' | 'ends';
  what: string;
  fields: Record<string, number | string>;
}

/** Share of a table from which on it is nearly full. */
const NEARLY_FULL = 0.9;

interface Condition {
  what: string;
  /** A number that grows while it goes on, or a condition itself. */
  look(counters: Counters): { isSo: boolean } | { total: number };
  fields(counters: Counters): Record<string, number | string>;
}

const CONDITIONS: readonly Condition[] = [
  {
    what: 'the connection table is nearly full',
    look: ({ connections: { used, capacity } }) => ({ isSo: used >= capacity * NEARLY_FULL }),
    fields: ({ connections: { used, capacity } }) => ({ used, capacity }),
  },
  {
    what: 'new connections are refused, the table is full',
    look: ({ drops }) => ({ total: drops['table_full'] ?? 0 }),
    fields: ({ drops }) => ({ refused: drops['table_full'] ?? 0 }),
  },
  {
    what: 'packets are lost, the receive rings are full',
    look: ({ interfaces }) => ({ total: sum(interfaces.map(({ ringDrops }) => ringDrops)) }),
    fields: ({ interfaces }) => ({ lost: sum(interfaces.map(({ ringDrops }) => ringDrops)) }),
  },
  {
    what: 'SYNs flood in',
    look: ({ defences }) => ({ isSo: defences.includes('drop_first_syn') }),
    fields: ({ connections: { halfOpen }, drops }) => ({
      halfOpen,
      dropped: drops['drop_first_syn'] ?? 0,
    }),
  },
];

interface Progress {
  isOn: boolean;
  /** What `total` was at the last look. */
  total: number;
  /** Time of the last look at which it was so. */
  lastMs: number;
}

export class OverloadWatch {
  private readonly progress: Progress[] = CONDITIONS.map(() => ({
    isOn: false,
    total: 0,
    lastMs: 0,
  }));
  private isFirst = true;

  /** @param quietMs how long nothing must have been wrong before that is the end of it */
  constructor(private readonly quietMs = 30_000) {}

  /** To be called every second or so. `nowMs` of any clock that only goes forward. */
  look(counters: Counters, nowMs: number): Notice[] {
    const notices = CONDITIONS.flatMap((condition, i) => {
      const progress = this.progress[i];
      const isSo = this.isSo(condition.look(counters), progress);
      if (isSo) progress.lastMs = nowMs;
      const isOver = progress.isOn && !isSo && nowMs - progress.lastMs >= this.quietMs;
      if (progress.isOn ? !isOver : !isSo) return [];
      progress.isOn = !progress.isOn;
      const kind = progress.isOn ? ('begins' as const) : ('ends' as const);
      return [{ kind, what: condition.what, fields: condition.fields(counters) }];
    });
    this.isFirst = false;
    return notices;
  }

  /** What was counted before the first look is no news; after a restart of the data plane totals begin anew. */
  private isSo(seen: { isSo: boolean } | { total: number }, progress: Progress): boolean {
    if ('isSo' in seen) return seen.isSo;
    const hasGrown = seen.total > progress.total && !this.isFirst;
    progress.total = seen.total;
    return hasGrown;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
