/**
 * An established connection's packet, from the frame as it came in to the frame as it goes out: parsing,
 * look-up, TCP state, counters, timer, rewriting. Each packet is of a connection taken at random out of all live
 * ones: with a million of them nearly every one has to come from memory, which is as bad as it gets.
 *
 * Not a case for benchmark.js or mitata: a frame can be processed once only, so every batch needs frames as they
 * came in, and putting those in place must not be timed.
 */
import { getHeapStatistics } from 'node:v8';
import { SeededRandom } from '../../dataplane/driver/random.js';
import { median, nanoseconds, type Bench, type Measurement } from './measure.js';
import type { Population } from './population.js';
import { EngineSubject, type Subject } from './subjects.js';
import { ACK, INNER, OUTER } from './traffic.js';

export const GROUP = 'established';
export const DIRECTIONS = ['client to server', 'server to client'] as const;
const ONE_BY_ONE = ', one by one';
type Direction = (typeof DIRECTIONS)[number];

const BATCHES = 100;
const HEAP_BATCHES = 51;

export function wantedDirections(bench: Bench, live: number): Direction[] {
  return DIRECTIONS.filter((direction) => bench.wants(GROUP, `${direction}, ${live} live`));
}

/** Measures every population whose size is wanted. */
export function measureEstablished(bench: Bench, populations: readonly Population[]): void {
  const cases = populations.flatMap((population) =>
    wantedDirections(bench, population.live).flatMap((direction) => {
      verify(population, direction);
      return variants(population, direction).map(([name, subject]) => ({
        population,
        direction,
        subject,
        measurement: newMeasurement(name, population, subject),
      }));
    }),
  );
  if (cases.length === 0) return;
  for (let round = 0; round <= bench.rounds; round++) {
    bench.progress(`established packets, round ${round} of ${bench.rounds}`);
    for (const { population, direction, subject, measurement } of cases) {
      const figure = timeRound(population, direction, subject, round);
      // Round 0 warms up.
      if (round > 0) measurement.rounds.push(figure);
    }
  }
  for (const { population, direction, subject, measurement } of cases) {
    measurement.heapBytes = heapBytesPerPacket(population, direction, subject);
    bench.measurements.push(measurement);
  }
}

/** Beside full bursts, as under load, the engine also gets frames one by one. */
function variants(population: Population, direction: Direction): [string, Subject][] {
  return population.subjects.flatMap((subject): [string, Subject][] =>
    subject instanceof EngineSubject
      ? [
          [direction, subject],
          [`${direction}${ONE_BY_ONE}`, subject.withoutBursts()],
        ]
      : [[direction, subject]],
  );
}

function newMeasurement(
  name: string,
  { live }: Population,
  { name: subject }: Subject,
): Measurement {
  return { group: GROUP, case: name, live, subject, unit: 'ns a packet', rounds: [] };
}

/** Fills the batch with packets of random connections. */
function draw(population: Population, direction: Direction, random: SeededRandom): void {
  const { batch, live } = population;
  const isRequest = direction === 'client to server';
  batch.begin(isRequest ? OUTER : INNER);
  while (!batch.isFull) {
    const client = random.below(live);
    if (isRequest) batch.addRequest(client, ACK);
    else batch.addReply(population.hostOf(client), client, ACK);
  }
  population.now++;
}

function verify(population: Population, direction: Direction): void {
  draw(population, direction, new SeededRandom(0));
  population.processAlike(`ACK, ${direction}`);
}

/** Median of a round's batches; both implementations get the same packets in the same order. */
function timeRound(
  population: Population,
  direction: Direction,
  subject: Subject,
  round: number,
): number {
  const random = new SeededRandom(round);
  const { batch } = population;
  const figures: number[] = [];
  for (let b = 0; b < BATCHES; b++) {
    draw(population, direction, random);
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

/** A batch's growth of the heap; batches within which garbage was collected fall out of the median. */
function heapBytesPerPacket(
  population: Population,
  direction: Direction,
  subject: Subject,
): number {
  const random = new SeededRandom(1);
  const { batch } = population;
  const growth: number[] = [];
  const growthByLooking: number[] = [];
  for (let b = 0; b < HEAP_BATCHES; b++) {
    draw(population, direction, random);
    batch.restore();
    const before = usedHeapBytes();
    growthByLooking.push(usedHeapBytes() - before);
    const start = usedHeapBytes();
    subject.process(batch, population.now);
    growth.push(usedHeapBytes() - start);
  }
  return Math.round((median(growth) - median(growthByLooking)) / batch.count);
}

function usedHeapBytes(): number {
  return getHeapStatistics().used_heap_size;
}
