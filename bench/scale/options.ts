/** The command line of `npm run bench:scale`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabError, messageOf } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { clockNamed, CLOCKS, type Clock } from '../emulated/qemu.js';
import { chosen, decimal, inRange, wholeNumber } from '../words.js';
import { allPeers } from './peers/index.js';
import type { ScalePeer } from './peers/peer.js';

export interface ScaleOptions {
  /** Ascending. */
  readonly sizes: readonly number[];
  readonly peers: readonly ScalePeer[];
  /** They were chosen by name: one that can't be measured is a failure then. */
  readonly peersNamed: boolean;
  readonly rounds: number;
  /** How long a flood of packets takes. */
  readonly seconds: number;
  /** Whether to wait for all connections to expire in the end. */
  readonly expiry: boolean;
  readonly emulate: boolean;
  /** Of the emulated machine. */
  readonly clock: Clock;
  readonly memoryMb: number;
  readonly file: string;
  /** For the same program in the emulated machine. */
  readonly words: readonly string[];
}

const SIZES = [1000, 10_000, 100_000, 1_000_000, 4_000_000];
const QUICK_SIZES = [1000, 100_000, 1_000_000];
/** Emulated, where a connection takes 30 times as long to make. */
const EMULATED_SIZES = [1000, 10_000, 100_000, 300_000];
const QUICK_EMULATED_SIZES = [1000, 20_000, 100_000];
/** As many as there are clients for. */
const SIZE_MAX = 8_000_000;
const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const SECONDS = 1;
const QUICK_SECONDS = 0.4;
const TABLE_BITS = '20';
const TABLE_BITS_RANGE = [8, 20] as const;
const MEMORY_MB = '6144';
const MEMORY_RANGE = [2048, 65_536] as const;
/** What isn't passed on to the emulated machine. */
const OUTSIDE = new Set(['emulate', 'clock', 'memory', 'json', 'help', 'sizes', 'peers', 'quick']);

export const HELP = `Usage: npm run bench:scale -- [OPTION]...

What a packet, a new connection, a list, a restart and expiry cost with few and with
millions of live connections: uvs, the kernel's ip_vs, and plain routing for comparison.

  --quick           three sizes up to a million, in two minutes
  --sizes LIST      numbers of live connections (default: ${SIZES.join(',')};
                    with --quick ${QUICK_SIZES.join(',')})
  --peers LIST      of ${allPeers(Number(TABLE_BITS))
    .map((peer) => peer.id)
    .join(', ')} (default: all that can be measured)
  --rounds N        how often packets and new connections are measured at each size
                    (default: ${ROUNDS}, with --quick ${QUICK_ROUNDS})
  --seconds N       how long a flood of packets takes (default: ${SECONDS}, with --quick ${QUICK_SECONDS})
  --table-bits N    ip_vs-large has 2^N buckets, N from ${TABLE_BITS_RANGE.join(' to ')} (default: ${TABLE_BITS})
  --no-expiry       don't wait for all connections to expire in the end (--quick doesn't)
  --emulate         in an emulated machine whose kernel has ip_vs (see npm run bench:ipvs);
                    default sizes there: ${EMULATED_SIZES.join(',')},
                    with --quick ${QUICK_EMULATED_SIZES.join(',')}
  --clock WHICH     of the emulated machine: ${CLOCKS.join(' or ')} (default: ${CLOCKS[0]})
  --memory MB       of the emulated machine (default: ${MEMORY_MB})
  --json FILE       where the results go (default: bench/results/scale.json; with --quick
                    scale-quick.json, with --emulate scale-emulated.json)
  --help            print this text
`;

/** Throws LabError where the words make no sense. Null: help was asked for. */
export function parseScaleOptions(argv: readonly string[]): ScaleOptions | null {
  const { values, tokens } = parseWords(argv);
  if (values.help === true) return null;
  const quick = values.quick === true;
  const emulate = values.emulate === true;
  const tableBits = inRange('table-bits', values['table-bits'] ?? TABLE_BITS, TABLE_BITS_RANGE);
  const sizes = sizesOf(values.sizes) ?? defaultSizes(quick, emulate);
  const name = `scale${emulate ? '-emulated' : ''}${quick ? '-quick' : ''}.json`;
  const passedOn = tokens.flatMap((token) =>
    token.kind === 'option' && !OUTSIDE.has(token.name)
      ? [token.rawName, ...(token.value === undefined ? [] : [token.value])]
      : [],
  );
  const peers = values.peers ?? null;
  return {
    sizes,
    peers: chosen('peer', values.peers, allPeers(tableBits), (peer) => peer.id),
    peersNamed: peers !== null,
    rounds: wholeNumber('rounds', values.rounds, quick ? QUICK_ROUNDS : ROUNDS),
    seconds: decimal('seconds', values.seconds, quick ? QUICK_SECONDS : SECONDS),
    expiry: !quick && values['no-expiry'] !== true,
    emulate,
    clock: clockNamed(values.clock),
    memoryMb: inRange('memory', values.memory ?? MEMORY_MB, MEMORY_RANGE),
    file: values.json ?? join(packageRoot(), 'bench', 'results', name),
    words: [
      ...(quick ? ['--quick'] : []),
      '--sizes',
      sizes.join(','),
      ...(peers === null ? [] : ['--peers', peers]),
      ...passedOn,
    ],
  };
}

function defaultSizes(quick: boolean, emulate: boolean): readonly number[] {
  if (emulate) return quick ? QUICK_EMULATED_SIZES : EMULATED_SIZES;
  return quick ? QUICK_SIZES : SIZES;
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      tokens: true,
      options: {
        quick: { type: 'boolean' },
        sizes: { type: 'string' },
        peers: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        'table-bits': { type: 'string' },
        'no-expiry': { type: 'boolean' },
        emulate: { type: 'boolean' },
        clock: { type: 'string' },
        memory: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:scale -- --help`);
  }
}

function sizesOf(list: string | undefined): number[] | null {
  if (list === undefined) return null;
  const sizes = list.split(',').filter(Boolean);
  const wrong = sizes.find((size) => !/^\d+$/.test(size) || !isSize(Number(size)));
  if (wrong === undefined && sizes.length > 0) {
    return [...new Set(sizes.map(Number))].toSorted((a, b) => a - b);
  }
  throw new LabError(
    `--sizes must be whole numbers from 1 to ${SIZE_MAX}, parted by commas, not '${wrong ?? list}'`,
  );
}

function isSize(size: number): boolean {
  return size >= 1 && size <= SIZE_MAX;
}
