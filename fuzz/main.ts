/** `npm run fuzz`: fuzzes all kinds of input, or repeats a finding. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { KINDS } from './kinds.js';
import { OptionError, parseOptions, USAGE, type Options } from './options.js';
import { type Outcome, supervise } from './supervisor.js';
import type { Progress } from './task.js';

const EXIT_FINDINGS = 1;
const EXIT_USAGE = 2;
const SEED_STEP = 7919;

async function main(argv: string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options === null) {
    process.stdout.write(USAGE);
    return 0;
  }
  return options.repeat.length > 0 ? repeat(options) : fuzz(options);
}

/** Workers of one kind differ in their seeds. */
function tasksOf({ kinds, seconds, inputs, seed, jobs, coverage }: Options) {
  const workers = Math.max(1, Math.floor(jobs / kinds.length));
  const atOnce = Math.min(jobs, kinds.length * workers);
  const milliseconds =
    seconds === null ? null : (seconds * 1000 * atOnce) / (kinds.length * workers);
  return kinds.flatMap((kind) =>
    Array.from({ length: workers }, (_, worker) => ({
      kind,
      seed: seed + worker * SEED_STEP,
      milliseconds,
      inputs: inputs === null ? null : Math.ceil(inputs / workers),
      coverage,
    })),
  );
}

async function fuzz(options: Options): Promise<number> {
  process.stdout.write(`seed ${options.seed}\n`);
  const program = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
  );
  const outcomes = await supervise(tasksOf(options), options.jobs, {
    program,
    onProgress: (kind, progress) => showProgress(`${kind}: ${textOf(progress)}`),
  });
  showProgress('');
  for (const outcome of outcomes) report(outcome);
  return outcomes.some(({ findings }) => findings.length > 0) ? EXIT_FINDINGS : 0;
}

function report({ kind, progress, findings }: Outcome): void {
  process.stdout.write(`${kind.padEnd(10)} ${textOf(progress)}, ${findings.length} findings\n`);
  for (const { text, command } of findings) {
    process.stdout.write(`${text.replace(/^/gm, '    ')}\n    ${command}\n`);
  }
}

function textOf({ inputs, runs, corpus, blocks, milliseconds }: Progress): string {
  const seconds = milliseconds / 1000;
  const parts = [
    `${inputs} inputs${runs === inputs ? '' : ` in ${runs} runs`}`,
    `${seconds.toFixed(1)} s`,
    `${Math.round(inputs / Math.max(seconds, 0.001))}/s`,
    `corpus ${corpus}`,
  ];
  if (blocks !== null) parts.push(`${blocks} blocks of code`);
  return parts.join(', ');
}

/** One line that is written over, where somebody looks on. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function repeat({ kinds: [kind], repeat: files }: Options): Promise<number> {
  const target = new KINDS[kind]();
  await target.reset();
  try {
    for (const file of files) await target.run(readFileSync(file));
    process.stdout.write('nothing happened\n');
    return 0;
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT_FINDINGS;
  } finally {
    await target.close?.();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`fuzz: ${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
