/**
 * Which connections are new. A record doesn't say when its connection began, so the table is looked through once a
 * second while somebody wants to know, and what a record says of itself is compared with what it said before:
 * a connection is as old as the first look that found it. One that came and went between two looks is never seen.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as rec from '../../../dataplane/conn/record.js';
import { VALID } from '../../../dataplane/memory/region.js';
import type { State } from '../../../dataplane/state.js';
import { connectionEntry } from '../../virtual-server/listings.js';
import type { NewestConnection, NewestConnections } from './message.js';
import { FilterError, readFilter } from './connection-filter.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** Records between two turns of the event loop: a few milliseconds. */
const RECORDS_PER_TURN = 50_000;
export const NEWEST_MAX = 50;
/** Odd, with many bits set: spreads what an identity is made of over its 32 bits. */
const FACTOR = 0x9e37_79b1;

/** One filter's share of a look. */
interface Search {
  matches: (words: Int32Array, base: number) => boolean;
  matching: number;
  /** Records, the newest first, and the looks that found them. */
  records: number[];
  looks: number[];
}

export class ConnectionWatch {
  /** What each record held at the last look; 0: nothing. */
  private readonly identities: Int32Array;
  /** The look that found it; 0: it was there before the first one. */
  private readonly foundBy: Int32Array;
  private readonly timesMs: number[] = [];

  constructor(readonly state: State) {
    const size = state.connections.capacity + 1;
    this.identities = new Int32Array(size);
    this.foundBy = new Int32Array(size);
  }

  /**
   * Looks through the table.
   * @param filters as `readFilter` takes them; what can't be read is answered with why
   */
  async look(
    filters: Iterable<string>,
    clock: () => number,
    nowMs: number,
  ): Promise<Map<string, NewestConnections>> {
    const look = this.timesMs.push(nowMs) - 1;
    const answers = new Map<string, NewestConnections>();
    const searches = new Map<string, Search>();
    for (const filter of new Set(filters)) {
      try {
        const matches = readFilter(filter);
        searches.set(filter, { matches, matching: 0, records: [], looks: [] });
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        answers.set(filter, { connections: [], matching: 0, problem: error.message });
      }
    }
    const all = [...searches.values()];
    const last = this.state.connections.highWater;
    for (let first = 1; first <= last; first += RECORDS_PER_TURN) {
      this.lookAt(first, Math.min(last, first + RECORDS_PER_TURN - 1), look, all);
      await nextTurn();
    }
    for (const [filter, search] of searches) {
      const connections = search.records.map((c, i) => this.describe(c, search.looks[i], clock()));
      answers.set(filter, { connections, matching: search.matching, problem: null });
    }
    return answers;
  }

  private lookAt(first: number, last: number, look: number, searches: readonly Search[]): void {
    const { identities, foundBy } = this;
    const { words } = this.state.connections;
    for (let c = first; c <= last; c++) {
      const base = c * WORDS;
      if (words[base] !== VALID || (words[base + rec.W_FLAGS] & rec.F_TEMPLATE) !== 0) {
        identities[c] = 0;
        continue;
      }
      const identity = identityOf(words, base);
      if (identities[c] !== identity) {
        identities[c] = identity;
        foundBy[c] = look;
      }
      for (const search of searches) {
        if (!search.matches(words, base)) continue;
        search.matching++;
        if (search.records.length < NEWEST_MAX || foundBy[c] > search.looks[NEWEST_MAX - 1]) {
          insert(search, c, foundBy[c]);
        }
      }
    }
  }

  private describe(connection: number, look: number, now: number): NewestConnection {
    const entry = connectionEntry(this.state, connection, now);
    return {
      client: `${entry.clientAddress}:${entry.clientPort}`,
      virtual: `${entry.virtualAddress}:${entry.virtualPort}`,
      server: `${entry.destinationAddress}:${entry.destinationPort}`,
      state: entry.state,
      expiresSeconds: entry.expiresSeconds,
      seenAtMs: look === 0 ? null : this.timesMs[look],
    };
  }
}

/** The same for the same connection; of two others the same by chance in one of two thousand million cases. */
function identityOf(words: Int32Array, base: number): number {
  const ends = Math.imul(words[base + rec.W_CLIENT], FACTOR) ^ words[base + rec.W_PORTS];
  const others = Math.imul(ends, FACTOR) ^ words[base + rec.W_VIRTUAL];
  return Math.imul(others, FACTOR) | 1;
}

/** Behind those that are as new. */
function insert({ records, looks }: Search, connection: number, look: number): void {
  let place = looks.length;
  while (place > 0 && looks[place - 1] < look) place--;
  records.splice(place, 0, connection);
  looks.splice(place, 0, look);
  if (records.length <= NEWEST_MAX) return;
  records.length = NEWEST_MAX;
  looks.length = NEWEST_MAX;
}
