/**
 * `npm run bench:metrics`: what a scrape costs with many servers and connections, and whether packets have to wait for
 * it.
 */
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { LabError, messageOf } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import { packageRoot } from '../../src/package.js';
import { latency } from '../macro/axes/latency.js';
import { requests } from '../macro/axes/web.js';
import type { Plan } from '../macro/options.js';
import { writeResults } from '../macro/results.js';
import { run } from '../macro/run.js';
import { placementFor } from '../macro/site.js';
import { resultsTable } from '../macro/table.js';
import type { Axis } from '../macro/axes/axis.js';
import { runBenchmark } from '../program.js';
import { decimal, inRange, wholeNumber } from '../words.js';
import { measureScrapes, scrapesTable } from './alone.js';
import { quietAndScraped } from './peers.js';
import { scrapesLine } from './scrapes-line.js';
import type { Size } from './tables.js';

const SERVERS = '10000';
const CONNECTIONS = '1000000';
const ROUNDS = 9;
const BESIDE_ROUNDS = 8;
const SECONDS = 2;
const WARM_UP_SECONDS = 0.4;
const COMMANDS = ['nginx', 'iperf3', 'wrk', 'taskset', 'setsid'];

const HELP = `Usage: npm run bench:metrics -- [OPTION]...

Measures how long a scrape takes of a director with many servers and connections, what it costs the director in
processor time, and for how long at a time the director does nothing else. With --beside it measures what others
notice of it: requests/s and latency through a director that is scraped every second, and through one that isn't,
by turns (root).

  --servers N      in services of a hundred each (default: ${SERVERS})
  --connections N  live ones (default: ${CONNECTIONS})
  --beside         measure requests and latency
  --rounds N       how often (default: ${ROUNDS}, with --beside ${BESIDE_ROUNDS})
  --seconds N      how long a measurement takes, with --beside (default: ${SECONDS})
  --json FILE      where the results go, with --beside (default: bench/results/metrics.json)
  --help           print this text
`;

async function main(argv: string[]): Promise<void> {
  const values = parseWords(argv);
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const size = {
    servers: inRange('servers', values.servers ?? SERVERS, [1, 60_000]),
    connections: inRange('connections', values.connections ?? CONNECTIONS, [
      0,
      DEFAULT_CAPACITY.connections,
    ]),
  };
  if (values.beside !== true) {
    const rounds = await measureScrapes(size, wholeNumber('rounds', values.rounds, ROUNDS));
    process.stdout.write(scrapesTable(size, rounds));
    return;
  }
  const file = values.json ?? join(packageRoot(), 'bench', 'results', 'metrics.json');
  const command = `npm run bench:metrics -- ${argv.join(' ')}`;
  await measureBeside(size, command, file, {
    rounds: wholeNumber('rounds', values.rounds, BESIDE_ROUNDS),
    seconds: decimal('seconds', values.seconds, SECONDS),
  });
}

function parseWords(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        servers: { type: 'string' },
        connections: { type: 'string' },
        beside: { type: 'boolean' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:metrics -- --help`);
  }
}

async function measureBeside(
  size: Size,
  command: string,
  file: string,
  times: Pick<Plan, 'rounds' | 'seconds'>,
): Promise<void> {
  requireMachine(COMMANDS);
  const results = await run(
    {
      peers: quietAndScraped(size),
      // In one piece: a scrape begins with it, and every second.
      axes: [requests, ...latency.map(inOnePiece)],
      minutes: null,
      warmUpSeconds: WARM_UP_SECONDS,
      placement: placementFor(availableParallelism()),
      ...times,
    },
    command,
  );
  writeResults(file, results);
  process.stdout.write(`${resultsTable(results)}\n\n${scrapesLine(results)}\n\n`);
  process.stdout.write(`Results are in ${relative(process.cwd(), file)}.\n`);
}

function inOnePiece(axis: Axis): Axis {
  return { ...axis, pieces: axis.pieces === null ? null : { ...axis.pieces, count: 1 } };
}

await runBenchmark('bench:metrics', main);
