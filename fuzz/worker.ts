/**
 * Fuzzes one kind in a process of its own, so that an input which never ends, or takes all memory, ends this one
 * only. What is being run stands in a file, for whoever has to find out then.
 *
 *     file   0                 4
 *           +-----------------+----------------+- - -
 *           | length of input | input          | rest of longer ones before it
 *           +-----------------+----------------+- - -
 */
import { openSync, writeSync } from 'node:fs';
import { Random } from '../sim/random.js';
import { Coverage } from './coverage.js';
import { writeFinding } from './findings.js';
import { Fuzzer } from './fuzzer.js';
import { KINDS } from './kinds.js';
import { type Message, NO_PROGRESS, type Progress, type Task } from './task.js';

/** Runs between two looks at the clock. */
const RUNS_PER_TURN = 64;
const PROGRESS_MS = 500;
/** How much of the work is guided by coverage, which makes it several times slower; short work isn't. */
const GUIDED_PART = 0.2;
const GUIDED_MAX_MS = 60_000;
const SHORT_MS = 20_000;
/** Error objects are made by the million; the first lines of their stacks are what findings are told by. */
const STACK_LINES = 4;

async function work(task: Task): Promise<void> {
  Error.stackTraceLimit = STACK_LINES;
  const target = new KINDS[task.kind]();
  const coverage = new Coverage();
  const file = openSync(task.currentFile, 'w');
  const length = new Uint8Array(4);
  const lengthView = new DataView(length.buffer);
  await target.reset();
  if (isGuided(task, NO_PROGRESS)) coverage.start();
  const fuzzer = new Fuzzer({
    target,
    random: new Random(task.seed),
    ...(task.coverage ? { coverage } : {}),
    beforeRun: (input) => {
      lengthView.setUint32(0, input.length, true);
      writeSync(file, length, 0, 4, 0);
      writeSync(file, input, 0, input.length, 4);
    },
    onFinding: ({ inputs, error }) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      tell({ finding: { text, command: writeFinding(task.kind, inputs, text) } });
    },
  });
  const start = performance.now();
  let told = start;
  const progress = (): Progress => ({
    inputs: fuzzer.inputs,
    runs: fuzzer.runs,
    corpus: fuzzer.corpus.size,
    blocks: coverage.size === 0 ? null : coverage.size,
    milliseconds: performance.now() - start,
  });
  await fuzzer.begin();
  while (!isEnough(task, progress()) && !fuzzer.isFull) {
    await fuzzer.run(RUNS_PER_TURN);
    if (coverage.isOn && !isGuided(task, progress())) coverage.stop();
    if (performance.now() - told < PROGRESS_MS) continue;
    told = performance.now();
    tell({ progress: progress() });
  }
  tell({ progress: progress() });
  await target.close?.();
  process.disconnect();
}

function isEnough({ milliseconds, inputs }: Task, progress: Progress): boolean {
  return (
    (milliseconds !== null && progress.milliseconds >= milliseconds) ||
    (inputs !== null && progress.inputs >= inputs)
  );
}

/** True in the first part of the work. */
function isGuided({ coverage, milliseconds, inputs }: Task, progress: Progress): boolean {
  if (!coverage || (milliseconds !== null && milliseconds < SHORT_MS)) return false;
  const done = Math.max(
    milliseconds === null ? 0 : progress.milliseconds / milliseconds,
    inputs === null ? 0 : progress.inputs / inputs,
  );
  return done < GUIDED_PART && progress.milliseconds < GUIDED_MAX_MS;
}

function tell(message: Message): void {
  process.send?.(message);
}

await work(JSON.parse(process.argv[2]) as Task);
