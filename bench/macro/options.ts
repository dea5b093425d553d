/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { LabError, messageOf } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { AXES } from './axes/index.js';
import type { Axis } from './axes/axis.js';
import { allPeers } from './peers/index.js';
import type { Peer } from './peers/peer.js';
import { placementFor, type Placement } from './site.js';

export const DRIVERS = ['ring', 'pcap'];

export interface Options {
  readonly peers: readonly Peer[];
  /** They were chosen by name: one that can't be measured is a failure then. */
  readonly peersNamed: boolean;
  readonly axes: readonly Axis[];
  readonly rounds: number;
  readonly seconds: number;
  /** So long each peer works before the first round. */
  readonly warmUpSeconds: number;
  readonly quick: boolean;
  /** Where each part runs; null: where the kernel puts it. */
  readonly placement: Placement | null;
  readonly file: string;
}

/** For `parseArgs`. */
export const WORDS = {
  quick: { type: 'boolean' },
  peers: { type: 'string' },
  axes: { type: 'string' },
  drivers: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  'no-pinning': { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const HELP = `Usage: npm run bench -- [OPTION]...

Measures uvs side by side with other balancers and with plain routing.

  --quick            the most important axes and peers, in less than two minutes
  --peers LIST       of ${allPeers(DRIVERS)
    .map((peer) => peer.id)
    .join(', ')} (default: all)
  --axes LIST        of ${AXES.map((axis) => axis.id).join(', ')},
                     or their beginnings, such as bulk (default: all)
  --drivers LIST     of uvs: ${DRIVERS.join(', ')} (default: all)
  --rounds N         how often everything is measured (default: 4)
  --seconds N        how long a measurement takes (default: 2, with --quick 1)
  --warm-up N        seconds of work for each peer before the first round (default: 1)
  --no-pinning       let the kernel choose processors
  --json FILE        where the results go (default: bench/results/side-by-side.json,
                     with --quick bench/results/side-by-side-quick.json)
  --help             print this text
`;

/** Throws LabError where the words make no sense. Null: help was asked for. */
export function parseOptions(argv: readonly string[], processors: number): Options | null {
  const values = parseWords(argv);
  if (values.help === true) return null;
  const quick = values.quick === true;
  const drivers = chosen('driver', values.drivers, DRIVERS, (driver) => driver);
  const name = quick ? 'side-by-side-quick.json' : 'side-by-side.json';
  const peers = chosen('peer', values.peers, allPeers(drivers), (peer) => peer.id);
  const axes = chosen('axis', values.axes, AXES, (axis) => axis.id);
  return {
    peers: quick && values.peers === undefined ? peers.filter((peer) => peer.quick) : peers,
    peersNamed: values.peers !== undefined,
    axes: quick && values.axes === undefined ? axes.filter((axis) => axis.quick) : axes,
    rounds: wholeNumber('rounds', values.rounds, 4),
    seconds: wholeNumber('seconds', values.seconds, quick ? 1 : 2),
    warmUpSeconds: wholeNumber('warm-up', values['warm-up'], 1),
    quick,
    placement: values['no-pinning'] === true ? null : placementFor(processors),
    file: values.json ?? join(packageRoot(), 'bench', 'results', name),
  };
}

function parseWords(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: WORDS,
    });
    return values;
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench -- --help`);
  }
}

/** Those of `all` that a list names by their id or its beginning, in the order of `all`. */
function chosen<T>(
  what: string,
  list: string | undefined,
  all: readonly T[],
  id: (item: T) => string,
): T[] {
  if (list === undefined) return [...all];
  const words = list.split(',').filter(Boolean);
  const isNamed = (item: T, word: string) => id(item) === word || id(item).startsWith(`${word}-`);
  const unknown = words.find((word) => !all.some((item) => isNamed(item, word)));
  if (unknown !== undefined) {
    throw new LabError(`there is no ${what} '${unknown}'; there are ${all.map(id).join(', ')}`);
  }
  return all.filter((item) => words.some((word) => isNamed(item, word)));
}

function wholeNumber(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LabError(`--${name} must be a whole number from 1 to 9999, not '${text}'`);
}
