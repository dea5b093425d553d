/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { LabError, messageOf } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { AXES } from './axes/index.js';
import type { Axis } from './axes/axis.js';
import { chosen, decimal, wholeNumber } from '../words.js';
import { allPeers } from './peers/index.js';
import type { Peer } from './peers/peer.js';
import { placementFor, type Placement } from './site.js';

export const DRIVERS = ['ring', 'pcap'];

/** What is compared, how, and how long. */
export interface Plan {
  readonly peers: readonly Peer[];
  readonly axes: readonly Axis[];
  /** How often everything is measured. */
  readonly rounds: number;
  /** As many rounds as this time allows instead, from the program's start to its end; null: `rounds` of them. */
  readonly minutes: number | null;
  /** How long a measurement takes. */
  readonly seconds: number;
  /** So long each peer works before the first round. */
  readonly warmUpSeconds: number;
  /** Where each part runs; null: where the kernel puts it. */
  readonly placement: Placement | null;
}

export interface Options extends Plan {
  /** Peers were chosen by name: one that can't be measured is a failure then. */
  readonly peersNamed: boolean;
  readonly quick: boolean;
  readonly file: string;
}

/** For `parseArgs`. */
export const WORDS = {
  quick: { type: 'boolean' },
  peers: { type: 'string' },
  axes: { type: 'string' },
  drivers: { type: 'string' },
  rounds: { type: 'string' },
  minutes: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  'no-pinning': { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const ROUNDS = 8;
const SECONDS = 1;
const WARM_UP_SECONDS = 0.4;
const QUICK_SECONDS = 0.4;
const QUICK_MINUTES = 2;

export const HELP = `Usage: npm run bench -- [OPTION]...

Measures uvs side by side with other balancers and with plain routing.

  --quick            the most important axes and peers, in two minutes
  --peers LIST       of ${allPeers(DRIVERS)
    .map((peer) => peer.id)
    .join(', ')}
                     (default: all but watched)
  --axes LIST        of ${AXES.map((axis) => axis.id).join(', ')},
                     or their beginnings, such as bulk (default: all)
  --drivers LIST     of uvs: ${DRIVERS.join(', ')} (default: all)
  --rounds N         how often everything is measured (default: ${ROUNDS})
  --minutes N        as many rounds as this time allows (default with --quick: ${QUICK_MINUTES})
  --seconds N        how long a measurement takes, 0.1 and more (default: ${SECONDS}, with --quick ${QUICK_SECONDS})
  --warm-up N        seconds of work for each peer before the first round (default: ${WARM_UP_SECONDS})
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
    peers: values.peers === undefined ? defaultPeers(peers, quick) : peers,
    peersNamed: values.peers !== undefined,
    axes: quick && values.axes === undefined ? axes.filter((axis) => axis.quick) : axes,
    rounds: wholeNumber('rounds', values.rounds, ROUNDS),
    minutes: minutesOf(values.minutes, values.rounds, quick),
    seconds: decimal('seconds', values.seconds, quick ? QUICK_SECONDS : SECONDS),
    warmUpSeconds: decimal('warm-up', values['warm-up'], WARM_UP_SECONDS),
    quick,
    placement: values['no-pinning'] === true ? null : placementFor(processors),
    file: values.json ?? join(packageRoot(), 'bench', 'results', name),
  };
}

function defaultPeers(peers: readonly Peer[], quick: boolean): Peer[] {
  return peers.filter((peer) => peer.onlyNamed !== true && (peer.quick || !quick));
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

function minutesOf(
  minutes: string | undefined,
  rounds: string | undefined,
  quick: boolean,
): number | null {
  if (minutes !== undefined && rounds !== undefined) {
    throw new LabError('either --minutes or --rounds can be chosen, not both');
  }
  if (minutes !== undefined) return decimal('minutes', minutes, QUICK_MINUTES);
  return quick && rounds === undefined ? QUICK_MINUTES : null;
}
