/**
 * All traces of a data plane: begun, fetched from and ended by the director. Packets are looked at only while there are
 * any. One that nobody fetches from any more has lost its director, or its reader, and ends by itself.
 */
import { ControlError } from '../../control/api.js';
import type { State } from '../../../dataplane/state.js';
import type { FrameWatcher } from '../../../dataplane/watcher.js';
import type { TraceReport, TraceRequest } from '../../control/trace.js';
import { Trace } from './trace.js';
import { Tracer } from './tracer.js';

export const TRACES_MAX = 4;
const PATIENCE_MS = 5000;
const LOOK_MS = 1000;

export interface TracesOptions {
  state: State;
  /** Has the watcher see all packets from now on; null for nobody. */
  attach: (watcher: FrameWatcher | null) => void;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** A trace that isn't fetched from for so long ends. */
  patienceMs?: number;
}

export class Traces {
  private readonly traces = new Map<number, Trace>();
  private readonly tracer: Tracer;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: TracesOptions) {
    this.tracer = new Tracer(options.state, options.clock);
  }

  /** Begins a trace under a number that its owner chooses. Throws ControlError ENOMEM, or EINVAL. */
  begin(id: number, request: TraceRequest): void {
    if (this.traces.size >= TRACES_MAX) {
      const message = `there are ${TRACES_MAX} traces already, more would hold up packets; end one`;
      throw new ControlError('ENOMEM', message);
    }
    this.traces.set(id, new Trace(request, performance.now()));
    this.changed();
  }

  /** What there is to tell since the last time. Throws ControlError ESRCH where there is no such trace. */
  fetch(id: number): TraceReport {
    const trace = this.traces.get(id);
    if (trace === undefined) throw new ControlError('ESRCH', 'the trace has ended');
    return trace.fetch(performance.now());
  }

  end(id: number): void {
    if (this.traces.delete(id)) this.changed();
  }

  private endForgotten(): void {
    const { patienceMs = PATIENCE_MS } = this.options;
    const now = performance.now();
    for (const [id, { fetchedMs }] of this.traces) {
      if (now - fetchedMs >= patienceMs) this.end(id);
    }
  }

  private changed(): void {
    const { traces, tracer, timer } = this;
    tracer.traces = [...traces.values()];
    if (traces.size > 0 && timer === null) {
      const { patienceMs = PATIENCE_MS } = this.options;
      this.timer = setInterval(() => this.endForgotten(), Math.min(LOOK_MS, patienceMs));
      this.timer.unref();
      this.options.attach(tracer);
    } else if (traces.size === 0 && timer !== null) {
      clearInterval(timer);
      this.timer = null;
      this.options.attach(null);
    }
  }
}
