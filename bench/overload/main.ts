/** `npm run bench:overload`: what established connections keep of their speed while the director is attacked. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LabError, messageOf } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import { packageRoot } from '../../src/package.js';
import { describeMachine } from '../macro/machine.js';
import { goFirst } from '../macro/priority.js';
import { pin } from '../macro/processes.js';
import { Progress } from '../macro/progress.js';
import { placementFor, Site } from '../macro/site.js';
import { runBenchmark } from '../program.js';
import { DOOR_PORT, SUBJECTS, type Condition, type Subject } from './conditions.js';
import { swallowAnswers } from './flood.js';
import { installMeter, LOADS, RunningLoad, type Load } from './loads.js';
import { memoryTable } from './memory.js';
import { measureNewcomers, newcomersTable } from './newcomers.js';
import { resultsTable, type Results, type Sample } from './results.js';

const HELP = `Usage: npm run bench:overload -- [OPTION]...

Measures what bulk transfers and requests on established connections keep of their speed beside floods of SYNs,
connections and fragments, and with the connection table full.

  --rounds N      how often everything is measured (default: 4)
  --seconds N     how long a measurement takes (default: 2)
  --rate N        frames a second of a flood (default: 200000)
  --subjects LIST of ${SUBJECTS.map(({ peer }) => peer.id).join(', ')} (default: all)
  --loads LIST    of ${LOADS.map(({ id }) => id).join(', ')} (default: all)
  --newcomers     only how new clients fare, with one defence and another
  --memory        only the director's memory during a flood of two minutes and after it
  --json FILE     where the results go (default: bench/results/overload.json)
  --help          print this text
`;
const COMMANDS = ['nginx', 'iperf3', 'wrk', 'nft', 'taskset'];
/** For a flood to fill what it can fill, and for the defence to begin. */
const SETTLE_MS = 800;
const OVERHEAD_SECONDS = 2.5;

interface Options {
  rounds: number;
  seconds: number;
  rate: number;
  subjects: readonly Subject[];
  loads: readonly Load[];
  file: string;
  newcomersOnly: boolean;
  memoryOnly: boolean;
}

async function main(argv: string[]): Promise<void> {
  const options = parse(argv);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  requireMachine(COMMANDS);
  goFirst();
  if (options.memoryOnly) {
    process.stdout.write(`${await memoryTable(options.rate)}\n`);
    return;
  }
  if (options.newcomersOnly) {
    process.stdout.write(`${newcomersTable(await measureNewcomers(options.rate))}\n`);
    return;
  }
  const { subjects, loads, rounds, seconds } = options;
  const samples = await measureAll(options);
  const results: Results = {
    date: new Date().toISOString(),
    command: `npm run bench:overload -- ${argv.join(' ')}`.replace(/ -- $/, ''),
    machine: describeMachine(),
    rounds,
    seconds,
    samples,
  };
  mkdirSync(dirname(options.file), { recursive: true });
  writeFileSync(options.file, `${JSON.stringify(results, rounded, 1)}\n`);
  const names = subjects.map(({ peer, conditions }) => ({ ...peer, conditions }));
  process.stdout.write(`${resultsTable(results, { loads, subjects: names })}\n\n`);
  process.stdout.write(`Results are in ${relative(process.cwd(), options.file)}.\n`);
}

async function measureAll(options: Options): Promise<Sample[]> {
  const { subjects, loads, rounds, seconds } = options;
  const placement = placementFor(availableParallelism());
  const sites: Site[] = [];
  for (const { peer } of subjects) sites.push(await start(await Site.start(peer, placement)));
  if (placement !== null) pin(process.pid, placement.client);
  const each = subjects.reduce((sum, { conditions }) => sum + conditions.length, 0) * loads.length;
  const step = seconds + OVERHEAD_SECONDS;
  let left = each * rounds * step;
  const progress = new Progress(left);
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const site of sites) site.beginRound(round, placement);
    for (const load of loads) {
      for (const [index, { peer, conditions }] of subjects.entries()) {
        for (const condition of conditions) {
          progress.show(
            `round ${round} · ${load.title} · ${peer.title} · ${condition.title}`,
            left,
          );
          const measured = await measure(sites[index], load, condition, options);
          const names = { subject: peer.id, load: load.id, condition: condition.id };
          samples.push({ ...names, round, ...measured });
          left -= step;
        }
      }
    }
  }
  progress.clear();
  for (const site of sites) site.end();
  return samples;
}

/** The load comes first: how new connections fare is another question. */
async function measure(
  site: Site,
  load: Load,
  condition: Condition,
  { rate: framesPerSecond, seconds }: Options,
): Promise<{ rate: number; flood: number }> {
  const running = await RunningLoad.start(load, site.client, site.address(load.service));
  const disturbance = await condition.begin(site, framesPerSecond);
  await pause(SETTLE_MS);
  const rate = await running.measure(seconds);
  const flood = await disturbance.end();
  await running.stop();
  site.checkAlive();
  return { rate, flood };
}

async function start(site: Site): Promise<Site> {
  const director = site.lab.host('director');
  await installMeter(site.client);
  await swallowAnswers(director, site.client);
  const ruleset = `table netdev door {
  chain door {
    type filter hook ingress device ext0 priority -10;
    tcp dport ${DOOR_PORT} drop
  }
}
`;
  await director.output('nft', ['-f', '-'], { input: ruleset });
  return site;
}

function parse(argv: string[]): Options | null {
  const text = { type: 'string' } as const;
  const options = { rounds: text, seconds: text, rate: text, subjects: text, loads: text };
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        ...options,
        json: text,
        newcomers: { type: 'boolean' },
        memory: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return null;
    return {
      rounds: wholeNumber('rounds', values.rounds ?? '4'),
      seconds: wholeNumber('seconds', values.seconds ?? '2'),
      rate: wholeNumber('rate', values.rate ?? '200000'),
      subjects: chosen('subject', values.subjects, SUBJECTS, ({ peer }) => peer.id),
      loads: chosen('load', values.loads, LOADS, ({ id }) => id),
      memoryOnly: values.memory === true,
      newcomersOnly: values.newcomers === true,
      file: values.json ?? join(packageRoot(), 'bench', 'results', 'overload.json'),
    };
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:overload -- --help`);
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text);
  throw new LabError(`--${name} must be a whole number above 0, not '${text}'`);
}

function chosen<T>(
  what: string,
  list: string | undefined,
  all: readonly T[],
  id: (item: T) => string,
): readonly T[] {
  const words = list?.split(',') ?? all.map(id);
  const unknown = words.find((word) => !all.some((item) => id(item) === word));
  if (unknown === undefined) return all.filter((item) => words.includes(id(item)));
  throw new LabError(`there is no ${what} '${unknown}'; there are ${all.map(id).join(', ')}`);
}

const DIGITS = 5;

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value;
}

await runBenchmark('bench:overload', main);
