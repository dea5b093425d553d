/**
 * A new connection: the first SYN of a client, from the frame as it came in to the frame as it goes out with
 * scheduling, record, index and timer. Own loop for the reason given in established.ts; here connections have
 * to go again between two rounds, besides.
 */
import { SCHEDULERS } from '../../scheduler/registry.js';
import { median, nanoseconds, type Bench, type Measurement } from './measure.js';
import { Population } from './population.js';
import { EngineSubject, StraightforwardSubject, type Subject } from './subjects.js';
import { OUTER, SYN } from './traffic.js';

export const GROUP = 'new connection';
export const SCHEDULER_GROUP = 'new connection by scheduler';

const NAME = 'rr, 3 servers';
const BATCHES = 40;
/** Longer than a connection lives that is not answered (SYN_RECV, 60 s). */
const UNANSWERED_TICKS = 6200;
const SCHEDULER_LIVE = 100_000;
const SERVER_COUNTS = [3, 100];
/** The schedulers that the straightforward implementation has, too. */
const STRAIGHTFORWARD_SCHEDULERS = ['rr', 'wlc'];

interface Case {
  population: Population;
  subject: Subject;
  measurement: Measurement;
}

export function wantsOpening(bench: Bench, live: number): boolean {
  return bench.wants(GROUP, `${NAME}, ${live} live`);
}

/** With the numbers of live connections that there are (rr, 3 servers). */
export function measureOpening(bench: Bench, populations: readonly Population[]): void {
  const wanted = populations.filter(({ live }) => wantsOpening(bench, live));
  measure(bench, 'new connections', wanted, GROUP, () => NAME);
}

/** For every scheduler with few and many servers, beside 100 thousand live connections. */
export async function measureSchedulers(bench: Bench): Promise<void> {
  const names = new Map<Population, string>();
  for (const { name: scheduler } of SCHEDULERS) {
    for (const servers of SERVER_COUNTS) {
      const name = `${scheduler}, ${servers} servers`;
      if (!bench.wants(SCHEDULER_GROUP, name)) continue;
      bench.progress(`${SCHEDULER_GROUP}: connecting for ${name}`);
      const plan = { scheduler, servers, capacity: 1 << 18 };
      const subjects: Subject[] = [await EngineSubject.create(plan)];
      if (STRAIGHTFORWARD_SCHEDULERS.includes(scheduler)) {
        subjects.push(StraightforwardSubject.create(plan));
      }
      const population = new Population(subjects, SCHEDULER_LIVE);
      population.fill(SCHEDULER_LIVE);
      names.set(population, name);
    }
  }
  const populations = [...names.keys()];
  const nameOf = (population: Population) => names.get(population) ?? '';
  measure(bench, SCHEDULER_GROUP, populations, SCHEDULER_GROUP, nameOf);
}

function measure(
  bench: Bench,
  title: string,
  populations: readonly Population[],
  group: string,
  nameOf: (population: Population) => string,
): void {
  const cases: Case[] = populations.flatMap((population) =>
    population.subjects.map((subject) => ({
      population,
      subject,
      measurement: {
        group,
        case: nameOf(population),
        live: population.live,
        subject: subject.name,
        unit: 'ns a connection',
        rounds: [],
      },
    })),
  );
  if (cases.length === 0) return;
  for (let round = 0; round <= bench.rounds; round++) {
    bench.progress(`${title}, round ${round} of ${bench.rounds}`);
    for (const { population, subject, measurement } of cases) {
      const figure = timeRound(population, subject);
      // Round 0 warms up.
      if (round > 0) measurement.rounds.push(figure);
    }
    for (const population of populations) population.pass(UNANSWERED_TICKS);
  }
  bench.measurements.push(...cases.map(({ measurement }) => measurement));
}

/** Median of a round's batches. The clients are those behind the connected ones, the same in each round. */
function timeRound(population: Population, subject: Subject): number {
  const { batch } = population;
  const figures: number[] = [];
  let client = population.live;
  for (let b = 0; b < BATCHES; b++) {
    batch.begin(OUTER);
    while (!batch.isFull) batch.addRequest(client++, SYN);
    batch.restore();
    let unsent = 0;
    const elapsed = nanoseconds(() => {
      unsent = subject.process(batch, population.now);
    });
    if (unsent > 0) throw new Error(`${subject.name} did not send ${unsent} packets`);
    figures.push(elapsed / batch.count);
  }
  return median(figures);
}
