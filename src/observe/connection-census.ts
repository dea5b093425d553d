/**
 * Who has how many connections in which TCP state: one pass over the records, in pieces between which other work goes
 * on. The data plane isn't asked and doesn't notice.
 */
import { TICKS_PER_SECOND, ticksUntil } from '../../dataplane/clock.js';
import * as rec from '../../dataplane/conn/record.js';
import { IS_HALF_OPEN, STATE_COUNT, STATE_NAMES, SYN_RECV } from '../../dataplane/conn/states.js';
import { VALID } from '../../dataplane/memory/region.js';
import type { State } from '../../dataplane/state.js';
import type { StateCounts } from '../control/snapshot.js';
import type { Pace } from './pace.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** Records between two looks at the time. */
const RECORDS_PER_LOOK = 2000;
/** After which a SYN counts as unanswered: a client repeats it then. */
const ANSWER_TICKS = TICKS_PER_SECOND;

export class ConnectionCensus {
  /** Connections and templates. */
  used = 0;
  templates = 0;
  halfOpen = 0;
  /** By server and state: number of server d in state s at d * STATE_COUNT + s; server 0 is all of them. */
  private readonly counts: Int32Array;
  /** By server. */
  private readonly unanswered: Int32Array;
  private readonly servers: number;

  private constructor(
    private readonly state: State,
    private readonly now: number,
  ) {
    this.servers = state.destinations.highWater;
    this.counts = new Int32Array((this.servers + 1) * STATE_COUNT);
    this.unanswered = new Int32Array(this.servers + 1);
  }

  /** Counts all there are; connections that come and go meanwhile are counted or not. `now` in ticks. */
  static async take(state: State, now: number, pace: Pace): Promise<ConnectionCensus> {
    const census = new ConnectionCensus(state, now);
    const last = state.connections.highWater;
    for (let first = 1; first <= last; first += RECORDS_PER_LOOK) {
      census.count(first, Math.min(last, first + RECORDS_PER_LOOK - 1));
      await pace.breathe();
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

  /** Connections of a server in one state. */
  countOf(server: number, tcpState: number): number {
    return server > this.servers ? 0 : this.counts[server * STATE_COUNT + tcpState];
  }

  /** Connections of a server whose SYN it should have answered by now. */
  unansweredOf(server: number): number {
    return server > this.servers ? 0 : this.unanswered[server];
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
      if (server <= 0 || server > servers) continue;
      counts[server * STATE_COUNT + state]++;
      if (state === SYN_RECV && this.isUnanswered(base)) this.unanswered[server]++;
    }
  }

  private isUnanswered(base: number): boolean {
    const { words } = this.state.connections;
    if ((words[base + rec.W_FLAGS] & rec.F_ANSWERED) !== 0) return false;
    if (words[base + rec.W_IN_PACKETS] > 1) return true;
    const left = ticksUntil(words[base + rec.W_DEADLINE], this.now);
    return words[base + rec.W_TIMEOUT] - left >= ANSWER_TICKS;
  }
}
