/** The command line of `npm run bench:profile`. */
import { parseArgs } from 'node:util';
import { LabError, messageOf } from '../../lab/errors.js';
import type { Axis } from '../macro/axes/axis.js';
import { AXES } from '../macro/axes/index.js';
import { DRIVERS } from '../macro/options.js';
import { allPeers } from '../macro/peers/index.js';
import type { Peer } from '../macro/peers/peer.js';
import { wholeNumber } from '../words.js';

export const PROFILERS = ['perf', 'node'] as const;
export type Profiler = (typeof PROFILERS)[number];

export interface ProfileOptions {
  readonly peer: Peer;
  readonly axis: Axis;
  readonly seconds: number;
  /** Null: perf where it works. */
  readonly profiler: Profiler | null;
  /** Functions that are shown of each group. */
  readonly top: number;
  /** Where folded stacks go; null: nowhere. */
  readonly stacks: string | null;
}

const SUBJECTS = allPeers(DRIVERS).filter(({ id }) => id.startsWith('uvs-'));

export const HELP = `Usage: npm run bench:profile -- [OPTION]...

Says where the director's time goes while it works at one of the axes of npm run bench.

  --axis ID          of ${AXES.map(({ id }) => id).join(', ')}
                     (default: requests)
  --peer ID          of ${SUBJECTS.map(({ id }) => id).join(', ')} (default: ${SUBJECTS[0].id})
  --seconds N        how long each of its parts takes (default: 5)
  --profiler NAME    perf, or node: Node's own, which doesn't see into the kernel (default: perf where it works)
  --top N            how many functions of each group are shown (default: 3)
  --stacks FILE      write all stacks to a file, folded, as programs that draw flame graphs read them
  --help             print this text
`;

/** Throws LabError where the words make no sense. Null: help was asked for. */
export function parseProfileOptions(argv: readonly string[]): ProfileOptions | null {
  const values = parseWords(argv);
  if (values.help === true) return null;
  const { axis = 'requests', peer = SUBJECTS[0].id } = values;
  const profiler = values.profiler ?? null;
  if (profiler !== null) named('profiler', profiler, PROFILERS, (name) => name);
  if (profiler === 'node' && values.stacks !== undefined) {
    throw new LabError('--stacks needs perf: Node’s own profiler keeps no stacks of the kernel');
  }
  return {
    axis: named('axis', axis, AXES, ({ id }) => id),
    peer: named('peer', peer, SUBJECTS, ({ id }) => id),
    seconds: wholeNumber('seconds', values.seconds, 5),
    profiler: profiler as Profiler | null,
    top: wholeNumber('top', values.top, 3),
    stacks: values.stacks ?? null,
  };
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        axis: { type: 'string' },
        peer: { type: 'string' },
        seconds: { type: 'string' },
        profiler: { type: 'string' },
        top: { type: 'string' },
        stacks: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:profile -- --help`);
  }
}

function named<T>(what: string, word: string, all: readonly T[], id: (item: T) => string): T {
  const found = all.find((item) => id(item) === word);
  if (found !== undefined) return found;
  throw new LabError(`there is no ${what} '${word}'; there are ${all.map(id).join(', ')}`);
}
