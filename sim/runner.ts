/** Runs seeds one after the other, or in several processes side by side. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Options } from './options.js';
import { simulate } from './simulation.js';

/** What is kept of a run; goes from process to process as JSON. */
export interface RunReport {
  seed: number;
  counts: Record<string, number>;
  virtualMs: number;
  /** Rule and words; null for a run without failure. */
  failure: string | null;
  trace: string[];
}

/** Every `stride`-th seed, beginning with the one at `offset`. */
interface Share {
  offset: number;
  stride: number;
}

/** The argument by which a process knows that it is one of several: "share=OFFSET/STRIDE". */
const SHARE_WORD = 'share=';

/** Runs all seeds; `onReport` is called after each of them. */
export async function runAll(
  options: Options,
  argv: readonly string[],
  onReport: (report: RunReport) => void,
): Promise<void> {
  if (options.jobs === 1) {
    await runShare(options, { offset: 0, stride: 1 }, onReport);
    return;
  }
  const children = Array.from({ length: options.jobs }, (_, offset) =>
    fork(process.argv[1], [`${SHARE_WORD}${offset}/${options.jobs}`, ...argv]),
  );
  await Promise.all(children.map((child) => follow(child, onReport)));
}

/** The share that this process was given by another one, and the rest of the words. */
export function shareIn(argv: readonly string[]): { share: Share | null; words: string[] } {
  const [first, ...rest] = argv;
  const match = /^share=(\d+)\/(\d+)$/.exec(first ?? '');
  if (match === null || process.send === undefined) return { share: null, words: [...argv] };
  return { share: { offset: Number(match[1]), stride: Number(match[2]) }, words: rest };
}

export async function runShare(
  options: Options,
  { offset, stride }: Share,
  onReport: (report: RunReport) => void,
): Promise<void> {
  const { hours, off, traceLines } = options;
  for (let i = offset; i < options.runs; i += stride) {
    const seed = options.firstSeed + i;
    const { counts, failure, virtualMs, trace } = await simulate({ seed, hours, off, traceLines });
    onReport({
      seed,
      counts,
      virtualMs,
      failure: failure === null ? null : describe(failure),
      trace: failure === null ? [] : trace,
    });
  }
}

/** A violation says all there is to say; of anything else it matters where it came from. */
function describe(failure: Error): string {
  if ('rule' in failure) return `${String(failure.rule)}: ${failure.message}`;
  return failure.stack ?? failure.message;
}

async function follow(child: ChildProcess, onReport: (report: RunReport) => void): Promise<void> {
  child.on('message', (report) => onReport(report as RunReport));
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (code !== 0) throw new Error(`a process ended with ${signal ?? `status ${code}`}`);
}
