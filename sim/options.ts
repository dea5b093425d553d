/** The command line of `npm run sim`. */
import { parseArgs } from 'node:util';
import { FAULT_NAMES, FAULTS, type FaultName } from './faults.js';

export interface Options {
  firstSeed: number;
  runs: number;
  /** Of each run. */
  hours: number;
  jobs: number;
  off: ReadonlySet<FaultName>;
  traceLines: number;
}

/** The words of the command line make no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const NAME_COLUMN = 12;
const JOBS_MAX = 64;

export const HELP = `Usage: npm run sim -- [OPTION]...

Runs the whole data plane in virtual time, with clients, servers, faults and commands, all of it a
function of a seed. Says which seeds failed, and how to repeat them. docs/SIMULATION.md has more.

  --seeds N          how many runs, each with a seed of its own (default: 100)
  --first N          seed of the first of them (default: 1)
  --seed N           just this one
  --hours H          virtual hours of all runs together (default: 0.025 for each run)
  --jobs N           processes side by side (default: 1)
  --off LIST         kinds of faults that are not to happen
  --only LIST        kinds of faults that are, and no others ("none" for none at all)
  --trace [--lines N]  print the last events of a run that failed (default: 200)
  --help             print this text

Kinds of faults:
${FAULT_NAMES.map((name) => `  ${name.padEnd(NAME_COLUMN)}${FAULTS[name]}`).join('\n')}
`;

const HOURS_OF_A_RUN = 0.025;
const RUNS = 100;
const TRACE_LINES = 200;

/** @throws UsageError. Null: help was asked for. */
export function parseOptions(argv: readonly string[]): Options | null {
  const values = parseWords(argv);
  if (values.help === true) return null;
  const isSingle = values.seed !== undefined;
  if (isSingle && (values.seeds !== undefined || values.first !== undefined)) {
    throw new UsageError('--seed is one run: without --seeds and --first');
  }
  const runs = isSingle ? 1 : wholeNumber('seeds', values.seeds, RUNS);
  return {
    firstSeed: wholeNumber('seed', isSingle ? values.seed : values.first, 1),
    runs,
    hours: positive('hours', values.hours, HOURS_OF_A_RUN * runs) / runs,
    jobs: Math.min(runs, JOBS_MAX, wholeNumber('jobs', values.jobs, 1)),
    off: switchedOff(values.off, values.only),
    traceLines: values.trace === true ? wholeNumber('lines', values.lines, TRACE_LINES) : 0,
  };
}

/** The command that repeats one run. */
export function commandFor({ hours, off }: Options, seed: number): string {
  const without = off.size === 0 ? '' : ` --off ${[...off].join(',')}`;
  return `npm run sim -- --seed ${seed} --hours ${hours}${without}`;
}

function parseWords(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string' },
        first: { type: 'string' },
        seed: { type: 'string' },
        hours: { type: 'string' },
        jobs: { type: 'string' },
        off: { type: 'string' },
        only: { type: 'string' },
        trace: { type: 'boolean' },
        lines: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see npm run sim -- --help`);
  }
}

function switchedOff(off: string | undefined, only: string | undefined): Set<FaultName> {
  if (only !== undefined && off !== undefined) {
    throw new UsageError('--only and --off contradict each other: give one of them');
  }
  const chosen = namesIn(off ?? (only === 'none' ? '' : (only ?? '')));
  if (only === undefined) return new Set(chosen);
  return new Set(FAULT_NAMES.filter((name) => !chosen.includes(name)));
}

function namesIn(list: string): FaultName[] {
  const words = list.split(',').filter(Boolean);
  const unknown = words.find((word) => !Object.hasOwn(FAULTS, word));
  if (unknown !== undefined) {
    throw new UsageError(`there is no fault '${unknown}'; there are ${FAULT_NAMES.join(', ')}`);
  }
  return words as FaultName[];
}

function wholeNumber(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number from 1 to 999999999, not '${text}'`);
}

function positive(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (value > 0 && value <= 1_000_000) return value;
  throw new UsageError(`--${name} must be a number above 0, not '${text}'`);
}
