/**
 * Who has how many connections in which TCP state: one pass over the records, in pieces between which other work goes
 * on. The data plane isn't asked and doesn't notice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as rec from '../../dataplane/conn/record.js';
import { IS_HALF_OPEN, STATE_COUNT, STATE_NAMES } from '../../dataplane/conn/states.js';
import { VALID } from '../../dataplane/memory/region.js';
import type { State } from '../../dataplane/state.js';
import type { StateCounts } from '../control/snapshot.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** Records between two turns of the event loop: a few milliseconds. */
const RECORDS_PER_TURN = 50_000;

export class ConnectionCensus {
  /** Connections and templates. */
  used = 0;
  templates = 0;
  halfOpen = 0;
  /** By server and state: number of server d in state s at d * STATE_COUNT + s; server 0 is all of them. */
  private readonly counts: Int32Array;
  private readonly servers: number;

  private constructor(private readonly state: State) {
    this.servers = state.destinations.highWater;
    this.counts = new Int32Array((this.servers + 1) * STATE_COUNT);
  }

  /** Counts all there are; connections that come and go meanwhile are counted or not. */
  static async take(state: State): Promise<ConnectionCensus> {
    const census = new ConnectionCensus(state);
    const last = state.connections.highWater;
    for (let first = 1; first <= last; first += RECORDS_PER_TURN) {
      census.count(first, Math.min(last, first + RECORDS_PER_TURN - 1));
      await nextTurn();
    }
    return census;
  }

  /** Connections of a server by state; of all servers where it is 0. */
  statesOf(server: number): StateCounts {
    const states: StateCounts = {};
    if (server > this.servers) return states;
    for (let s = 0; s < STATE_COUNT; s++) {
      const count = this.counts[server * STATE_COUNT + s];
      if (count > 0) states[STATE_NAMES[s]] = count;
    }
    return states;
  }

  private count(first: number, last: number): void {
    const { counts, servers } = this;
    const { words } = this.state.connections;
    for (let base = first * WORDS; base <= last * WORDS; base += WORDS) {
      if (words[base] !== VALID) continue;
      this.used++;
      if ((words[base + rec.W_FLAGS] & rec.F_TEMPLATE) !== 0) {
        this.templates++;
        continue;
      }
      const state = words[base + rec.W_META] & 0xff;
      const server = words[base + rec.W_SERVER];
      // A record that is being written, or is damaged, says anything.
      if (state >= STATE_COUNT) continue;
      this.halfOpen += IS_HALF_OPEN[state];
      counts[state]++;
      if (server > 0 && server <= servers) counts[server * STATE_COUNT + state]++;
    }
  }
}
