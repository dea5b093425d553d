/** The command line of `npm run fuzz`. */
import { parseArgs } from 'node:util';
import { KIND_NAMES } from './kinds.js';

export const USAGE = `Usage: npm run fuzz -- [--time SECONDS] [--inputs N] [--kind NAME,...] [--seed N] [--jobs N] [--no-coverage]
       npm run fuzz -- --kind NAME --repeat FILE...

Feeds uvs with inputs that nobody would think of, and says what they break. docs/FUZZING.md has more.

  --time SECONDS  how long, all kinds together (60)
  --inputs N      how many inputs of each kind, however long that takes
  --kind NAME     ${KIND_NAMES.join(', ')}; several with commas (all)
  --seed N        where chance begins (another one each time)
  --jobs N        kinds that are fuzzed at the same time, each in a process of its own (1)
  --no-coverage   does without a look at which code has run
  --repeat FILE   runs the inputs in these files, one after the other, as a finding says

Exit status: 0 without findings, 1 with some, 2 for a wrong command line.
`;

const SECONDS_DEFAULT = 60;
const WHOLE_NUMBER = /^\d{1,10}$/;

export interface Options {
  kinds: string[];
  /** Seconds for all kinds together; null where `inputs` says when it is enough. */
  seconds: number | null;
  inputs: number | null;
  seed: number;
  jobs: number;
  coverage: boolean;
  /** Files with inputs to be run again; none for fuzzing. */
  repeat: string[];
}

/** What is wrong with a command line. */
export class OptionError extends Error {}

/** Null for `--help`. Throws OptionError. */
export function parseOptions(argv: string[]): Options | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  const kinds = values.kind?.flatMap((names) => names.split(',')) ?? KIND_NAMES;
  const unknown = kinds.find((kind) => !KIND_NAMES.includes(kind));
  if (unknown !== undefined) {
    throw new OptionError(`there is no kind "${unknown}"; there are ${KIND_NAMES.join(', ')}`);
  }
  if (values.repeat && (kinds.length !== 1 || positionals.length === 0)) {
    throw new OptionError('--repeat needs one --kind and one file at least');
  }
  if (!values.repeat && positionals.length > 0) {
    throw new OptionError(`can't make sense of "${positionals[0]}"`);
  }
  const inputs = values.inputs === undefined ? null : numberOf('inputs', values.inputs);
  const isTimed = values.time !== undefined || inputs === null;
  return {
    kinds: [...new Set(kinds)],
    seconds: isTimed ? numberOf('time', values.time ?? String(SECONDS_DEFAULT)) : null,
    inputs,
    seed: values.seed === undefined ? Date.now() % 1_000_000 : numberOf('seed', values.seed),
    jobs: numberOf('jobs', values.jobs ?? '1'),
    coverage: !values['no-coverage'],
    repeat: positionals,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        time: { type: 'string' },
        inputs: { type: 'string' },
        kind: { type: 'string', multiple: true },
        seed: { type: 'string' },
        jobs: { type: 'string' },
        'no-coverage': { type: 'boolean', default: false },
        repeat: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new OptionError((error as Error).message);
  }
}

function numberOf(name: string, text: string): number {
  if (WHOLE_NUMBER.test(text) && (Number(text) > 0 || name === 'seed')) return Number(text);
  throw new OptionError(`--${name}: "${text}" is no whole number above 0`);
}
