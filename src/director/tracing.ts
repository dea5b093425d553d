/** A trace as the director has it: fetched from the data plane, and begun anew in the one that follows it. */
import { setTimeout as pause } from 'node:timers/promises';
import { ControlError } from '../control/api.js';
import type { TraceReport, TraceRequest } from '../control/trace.js';
import { WorkerEndedError, type Supervision } from './supervision.js';

const FETCH_MS = 100;

type Asking = Pick<Supervision, 'ask'>;

let lastTrace = 0;

/**
 * Reports for as long as somebody takes them. Who takes none for some seconds has the trace end in the data plane, and
 * begin anew when he goes on. Rejects with ControlError.
 */
export async function* tracePackets(
  supervision: Asking,
  request: TraceRequest,
): AsyncGenerator<TraceReport[]> {
  const trace = ++lastTrace;
  await supervision.ask('beginTrace', { trace, request });
  try {
    for (let isDone = false; !isDone;) {
      await pause(FETCH_MS);
      const report = await fetchOrBegin(supervision, trace, request);
      yield [report];
      ({ isDone } = report);
    }
  } finally {
    await supervision.ask('endTrace', { trace }).catch(() => {});
  }
}

async function fetchOrBegin(
  supervision: Asking,
  trace: number,
  request: TraceRequest,
): Promise<TraceReport> {
  try {
    return await supervision.ask('fetchTrace', { trace });
  } catch (error) {
    const isGone =
      error instanceof WorkerEndedError ||
      (error instanceof ControlError && error.errno === 'ESRCH');
    if (!isGone) throw error;
  }
  await supervision.ask('beginTrace', { trace, request });
  return { packets: [], matched: 0, leftOut: 0, isDone: false, isAnew: true };
}
