/** Has workers do their tasks, and notices where one doesn't go on, or ends as it shouldn't. */
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFinding } from './findings.js';
import { type Message, NO_PROGRESS, type Progress, type Task } from './task.js';

/** The longest that an input, or making a failure short, may take. */
const SILENCE_MAX_MS = 30_000;
/** How long a worker may take to begin. */
const START_MAX_MS = 60_000;
/** More memory than any target needs. */
const HEAP_MAX_MB = 1024;

export interface Outcome {
  kind: string;
  progress: Progress;
  findings: { text: string; command: string }[];
}

export interface SupervisorOptions {
  /** The worker's program. */
  program: string;
  silenceMaxMs?: number;
  findingsFolder?: string;
  onProgress?: (kind: string, progress: Progress) => void;
}

/** Runs tasks, `jobs` at a time. */
export async function supervise(
  tasks: readonly Omit<Task, 'currentFile'>[],
  jobs: number,
  options: SupervisorOptions,
): Promise<Outcome[]> {
  const waiting = [...tasks];
  const outcomes: Outcome[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'uvs-fuzz-'));
  const job = async (number: number): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      outcomes.push(
        await runTask({ ...task, currentFile: join(folder, `current-${number}`) }, options),
      );
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, (_, number) => job(number)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return outcomes;
}

function runTask(task: Task, options: SupervisorOptions): Promise<Outcome> {
  const { program, silenceMaxMs = SILENCE_MAX_MS } = options;
  const outcome: Outcome = { kind: task.kind, progress: NO_PROGRESS, findings: [] };
  const execArgv = [...process.execArgv, `--max-old-space-size=${HEAP_MAX_MB}`];
  const child = fork(program, [JSON.stringify(task)], { execArgv });
  let isSilent = false;
  const end = (): void => {
    isSilent = true;
    child.kill('SIGKILL');
  };
  let silence = setTimeout(end, START_MAX_MS);
  child.on('message', (message: Message) => {
    clearTimeout(silence);
    silence = setTimeout(end, silenceMaxMs);
    if ('finding' in message) outcome.findings.push(message.finding);
    else {
      outcome.progress = message.progress;
      options.onProgress?.(task.kind, message.progress);
    }
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(silence);
      if (code !== 0) {
        const text = isSilent
          ? `no end after ${silenceMaxMs / 1000} seconds`
          : `the worker ended with ${signal ?? `status ${code}`}`;
        const inputs = [currentInput(task.currentFile)];
        const command = writeFinding(task.kind, inputs, text, options.findingsFolder);
        outcome.findings.push({ text, command });
      }
      resolve(outcome);
    });
  });
}

/** What the worker was running last (worker.ts has the layout). */
function currentInput(file: string): Uint8Array {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  if (bytes.length < 4) return new Uint8Array(0);
  return bytes.subarray(4, 4 + bytes.readUInt32LE(0));
}
