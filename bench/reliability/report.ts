/** What came of it, for people. */
import type { Machine } from '../macro/machine.js';
import { KINDS, TITLES, type Counts } from './disturbances.js';

/** Requests of one kind, as programs/prober.ts has seen them. */
export interface ProbeSeries {
  requests: number;
  failures: number;
  reasons: string[];
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
  longestTenMs: number[];
}

export interface Probe {
  kept: ProbeSeries;
  new: ProbeSeries;
}

export interface Outcome {
  machine: Machine;
  counts: Counts;
  /** How long the disturbances took. */
  seconds: number;
  seed: number;
  wrk: { requests: number; errors: number };
  probe: Probe;
  transfers: { bytes: number; done: number; failures: string[] };
  /** All that went wrong for a client. */
  failures: number;
}

export function report({ counts, seconds, wrk, probe, transfers, failures }: Outcome): string {
  const gigabytes = ((transfers.bytes * transfers.done) / 1e9).toFixed(1);
  return [
    ...KINDS.map((kind) => `${String(counts[kind]).padStart(6)}  ${TITLES[kind]}`),
    `        in ${seconds} seconds; meanwhile`,
    '',
    `wrk on kept connections   ${wrk.requests} requests, ${wrk.errors} errors`,
    `kept connections, timed   ${series(probe.kept)}`,
    `new connections, timed    ${series(probe.new)}`,
    `transfers                 ${transfers.done} files, ${gigabytes} GB, ${transfers.failures.length} failures ${transfers.failures.join('; ')}`,
    '',
    failures === 0 ? 'Nothing failed.' : `${failures} failures.`,
    '',
  ].join('\n');
}

function series({ requests, failures, reasons, p50Ms, p99Ms, longestMs }: ProbeSeries): string {
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  return `${requests} requests, ${failures} failures${why}, p50 ${p50Ms} ms, p99 ${p99Ms} ms, longest ${longestMs} ms`;
}
