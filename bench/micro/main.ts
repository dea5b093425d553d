/**
 * `npm run bench:micro [-- --only PATTERN] [--quick] [--json FILE]`: what the engine costs, without a network and
 * without a kernel, beside a straightforward implementation. docs/BENCHMARKS.md has the newest figures.
 */
import { writeFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { parseArgs } from 'node:util';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { tuneCompiler } from '../../src/worker/compiler.js';
import { measureBulk } from './bulk.js';
import * as established from './established.js';
import { collectGarbage, grouped, type Bench, type Measurement } from './measure.js';
import { measureMemory } from './memory.js';
import * as opening from './opening.js';
import { measureParts } from './parts.js';
import { Population } from './population.js';
import { machine, report } from './report.js';
import { QUICK_SIZES, SIZES } from './sizes.js';
import { EngineSubject, StraightforwardSubject, type Subject } from './subjects.js';
import { targets } from './targets.js';

const USAGE = `Usage: npm run bench:micro [-- [--only PATTERN] [--quick] [--json FILE]]

  --only PATTERN  only cases whose "group: name" matches this regular expression, such as
                  "established", "1000 live", "scheduler: wlc", "expiry", "memory", "parts"
  --quick         fewer rounds and fewer connections, to see that it runs
  --json FILE     writes all rounds of all figures to a file, too
`;

const ROUNDS = 15;
const QUICK_ROUNDS = 3;
/** Room that opening connections beside the live ones takes. */
const SPARE_CONNECTIONS = 32_768;
/** What the straightforward implementation takes of the heap for a connection, about. */
const STRAIGHTFORWARD_BYTES = 600;

function parse(): { only: RegExp; quick: boolean; json?: string } | undefined {
  try {
    const options = {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    } as const;
    const { values } = parseArgs({ options });
    if (!values.help) return { ...values, only: new RegExp(values.only ?? '', 'i') };
    process.stdout.write(USAGE);
  } catch (error) {
    process.stderr.write(`bench:micro: ${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
  return undefined;
}

/** One line that is written over on a terminal, a line each in a log. */
function progress(text: string): void {
  const { isTTY } = process.stderr;
  process.stderr.write(isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function buildPopulations(bench: Bench): Promise<Population[]> {
  const populations: Population[] = [];
  for (const size of bench.quick ? QUICK_SIZES : SIZES) {
    const isEstablishedWanted = established.wantedDirections(bench, size).length > 0;
    if (!isEstablishedWanted && !opening.wantsOpening(bench, size)) continue;
    bench.progress(`connecting ${grouped(size)} clients`);
    const capacity = Math.max(DEFAULT_CAPACITY.connections, size + SPARE_CONNECTIONS);
    const plan = { scheduler: 'rr', servers: 3, capacity };
    const subjects: Subject[] = [await EngineSubject.create(plan)];
    if (size * STRAIGHTFORWARD_BYTES < getHeapStatistics().heap_size_limit * 0.75) {
      subjects.push(StraightforwardSubject.create(plan));
    } else {
      bench.notes.push(
        `the straightforward implementation's objects and keys for ${grouped(size)} connections ` +
          "don't fit into this process's heap",
      );
    }
    const population = new Population(subjects, size);
    population.fill(size);
    populations.push(population);
  }
  collectGarbage();
  return populations;
}

async function measurePackets(bench: Bench): Promise<void> {
  const populations = await buildPopulations(bench);
  established.measureEstablished(bench, populations);
  opening.measureOpening(bench, populations);
}

async function main(): Promise<void> {
  // As uvsd does.
  tuneCompiler();
  const options = parse();
  if (options === undefined) return;
  const measurements: Measurement[] = [];
  const bench: Bench = {
    quick: options.quick,
    rounds: options.quick ? QUICK_ROUNDS : ROUNDS,
    measurements,
    notes: [],
    wants: (group, name) => options.only.test(`${group}: ${name}`),
    progress,
  };
  const started = new Date();
  measureMemory(bench);
  await measurePackets(bench);
  collectGarbage();
  await opening.measureSchedulers(bench);
  await measureBulk(bench);
  await measureParts(bench);
  bench.progress('');
  if (measurements.length === 0) {
    process.stderr.write(`bench:micro: no case matches ${options.only.source}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const text = [machine(), report(measurements, bench.notes), targets(measurements)].join('\n\n');
  process.stdout.write(`${text}\n`);
  if (options.json !== undefined) {
    const document = { started, machine: machine(), notes: bench.notes, measurements };
    writeFileSync(options.json, `${JSON.stringify(document, undefined, 2)}\n`);
  }
}

await main();
