/** The command line of `npm run bench:ipvs`: a few options of its own, all others are those of `npm run bench`. */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { LabError, messageOf } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { cacheFolder } from '../emulated/cache.js';
import { CLOCKS, clockNamed, type Clock } from '../emulated/qemu.js';
import { WORDS } from '../macro/options.js';
import { inRange } from '../words.js';

export interface IpVsOptions {
  readonly help: boolean;
  /** In the emulated machine even where ip_vs is there. */
  readonly emulate: boolean;
  /** Of the emulated machine. */
  readonly clock: Clock;
  /** The module's conn_tab_bits; null: its default. */
  readonly tableBits: number | null;
  readonly memoryMb: number;
  /** Where the results go. */
  readonly file: string;
  /** For `npm run bench` on this machine, and in the emulated one. */
  readonly words: readonly string[];
  readonly emulatedWords: readonly string[];
}

const TABLE_BITS = [8, 20] as const;
const MEMORY_MB = [1024, 65_536] as const;

const CHOICE = {
  full: {
    peers: 'routing,uvs-ring,uvs-fast,ip_vs,nftables,haproxy,nginx',
    axes: 'requests,connections,bulk-down-1,bulk-up-1,bulk-both-8,packets,latency-light',
  },
  quick: {
    peers: 'routing,uvs-ring,uvs-fast,ip_vs',
    axes: 'requests,connections,bulk-down-1,latency-light',
  },
} as const;

/**
 * By the clock of instructions some two minutes of the machine's time, with --quick about one. The warm-up, of twice this
 * length, is long enough for V8 to have compiled what is hot: with half of it uvs' fast path made 1900 new connections a
 * second instead of 3300. By the host's clock the number of rounds is even, so that the director has been on either
 * processor equally often.
 */
const AMOUNTS = {
  instructions: {
    full: { rounds: '3', seconds: '0.3', 'warm-up': '6' },
    quick: { rounds: '2', seconds: '0.3', 'warm-up': '6' },
  },
  host: {
    full: { rounds: '4', seconds: '3', 'warm-up': '8' },
    quick: { rounds: '4', seconds: '2', 'warm-up': '6' },
  },
} as const;

/** What means something else here, or nothing there. */
const NOT_PASSED_ON = new Set([
  'emulate',
  'clock',
  'table-bits',
  'memory',
  'json',
  'help',
  'quick',
]);

export const HELP = `Usage: npm run bench:ipvs -- [OPTION]...

Measures uvs and the kernel's ip_vs side by side: on this machine where its kernel has
ip_vs, otherwise in an emulated one (QEMU, Debian's kernel), where only ratios mean
something.

  --quick           uvs, ip_vs and plain routing on four axes, in a third of the time
  --emulate         emulated even where this kernel has ip_vs
  --clock CLOCK     of the emulated machine: ${CLOCKS.join(' or ')} (default: ${CLOCKS[0]},
                    which is slower, and not disturbed by what else the host does)
  --table-bits N    ip_vs with a table of 2^N buckets, N from ${TABLE_BITS.join(' to ')}
                    (conn_tab_bits; emulated only; default: the module's own, 12)
  --memory MB       of the emulated machine (default: 3072)
  --json FILE       where the results go (default: bench/results/ipvs.json,
                    with --quick bench/results/ipvs-quick.json)
  --help            print this text

and all options of npm run bench, which see (npm run bench -- --help). Defaults here:

  --peers ${CHOICE.full.peers}
  --axes ${CHOICE.full.axes}
  ${words(AMOUNTS.instructions.full).join(' ')}

The emulated machine's parts are kept in ${cacheFolder()}
and can be removed at any time.
`;

/** Throws LabError where the words make no sense. */
export function parseIpVsOptions(argv: readonly string[]): IpVsOptions {
  const { values, tokens } = parse(argv);
  const quick = values.quick === true;
  const extent = quick ? 'quick' : 'full';
  const clock = clockNamed(values.clock);
  const others = tokens.flatMap((token) =>
    token.kind === 'option' && !NOT_PASSED_ON.has(token.name)
      ? [token.rawName, ...(token.value === undefined ? [] : [token.value])]
      : [],
  );
  const name = quick ? 'ipvs-quick.json' : 'ipvs.json';
  return {
    help: values.help === true,
    emulate: values.emulate === true,
    clock,
    tableBits:
      values['table-bits'] === undefined
        ? null
        : inRange('table-bits', values['table-bits'], TABLE_BITS),
    memoryMb: inRange('memory', values.memory ?? '3072', MEMORY_MB),
    file: values.json ?? join(packageRoot(), 'bench', 'results', name),
    // What comes later counts.
    words: ['--peers', CHOICE.full.peers, ...(quick ? ['--quick'] : []), ...others],
    emulatedWords: [...words(CHOICE[extent]), ...words(AMOUNTS[clock][extent]), ...others],
  };
}

function words(defaults: Readonly<Record<string, string>>): string[] {
  return Object.entries(defaults).flatMap(([name, value]) => [`--${name}`, value]);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      tokens: true,
      options: {
        ...WORDS,
        emulate: { type: 'boolean' },
        clock: { type: 'string' },
        'table-bits': { type: 'string' },
        memory: { type: 'string' },
      },
    });
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:ipvs -- --help`);
  }
}
