/**
 * `npm run bench:ipvs`: uvs beside the kernel's ip_vs. On this machine where its kernel has it, otherwise in an
 * emulated one with a kernel that does. It is `npm run bench` that measures, here or there.
 */
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { SHARE } from '../emulated/guest.js';
import { emulatedProcessors, runEmulated } from '../emulated/machine.js';
import { emulation, installEmulator, MEANING } from '../emulated/report.js';
import { parseOptions } from '../macro/options.js';
import { missingIpVs } from '../macro/peers/ip-vs.js';
import { parseResults, writeResults } from '../macro/results.js';
import { resultsTable } from '../macro/table.js';
import { runBenchmark } from '../program.js';
import { HELP, parseIpVsOptions, type IpVsOptions } from './options.js';

const BENCH = 'dist/bench/macro/main.js';
const RESULTS = 'results.json';
/** For the longest of runs; plain ones take a sixth of it. */
const TIMEOUT_MS = 2 * 60 * 60_000;
async function main(argv: readonly string[]): Promise<number> {
  const options = parseIpVsOptions(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  // Whatever is wrong with these is to be said now, and not when the machine has booted.
  parseOptions(options.emulatedWords, emulatedProcessors(options.clock));
  if (!options.emulate && options.tableBits === null && missingIpVs() === null) {
    return measureHere(options);
  }
  const command = `npm run bench:ipvs -- ${argv.join(' ')}`.replace(/ -- $/, '');
  return measureEmulated(options, command);
}

async function measureHere({ words, file }: IpVsOptions): Promise<number> {
  const bench = spawn(process.execPath, [join(packageRoot(), BENCH), ...words, '--json', file], {
    stdio: 'inherit',
  });
  const stop = () => bench.kill('SIGTERM');
  process.on('exit', stop);
  return new Promise((resolve, reject) => {
    bench.on('error', reject);
    bench.on('exit', (status) => {
      process.off('exit', stop);
      resolve(status ?? 1);
    });
  });
}

async function measureEmulated(options: IpVsOptions, command: string): Promise<number> {
  installEmulator();
  const { clock, tableBits, memoryMb } = options;
  const run = await runEmulated({
    program: BENCH,
    args: [...options.emulatedWords, '--json', `${SHARE}/${RESULTS}`],
    modules: [`ip_vs${tableBits === null ? '' : ` conn_tab_bits=${tableBits}`}`],
    clock,
    memoryMb,
    timeoutMs: TIMEOUT_MS,
  });
  if (run.status !== 0) {
    process.stdout.write(run.stdout);
    throw new LabError(`in the emulated machine it ended with status ${run.status}`);
  }
  const results = {
    ...parseResults(JSON.parse(run.readFile(RESULTS)), RESULTS),
    command,
    emulated: true,
    emulation: emulation(clock),
  } as const;
  writeResults(options.file, results);
  process.stdout.write(`Emulated. ${MEANING[clock]}\n\n${resultsTable(results)}\n\n`);
  process.stdout.write(`Results are in ${relative(process.cwd(), options.file)}.\n`);
  return 0;
}

await runBenchmark('bench:ipvs', main);
