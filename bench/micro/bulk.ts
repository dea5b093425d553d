/**
 * What happens to a million connections at once: they expire; after a restart everything is built anew from
 * their records; somebody lists them. One run takes long enough to be timed by itself.
 */
import { collectGarbage, nanoseconds, type Bench, type Measurement } from './measure.js';
import { Population } from './population.js';
import { EngineSubject, StraightforwardSubject, type Subject } from './subjects.js';
import { OUTER, SYN } from './traffic.js';

export const GROUP = 'a million connections';
const PLAN = { scheduler: 'rr', servers: 3 };
const MILLION = 1_000_000;
const UNANSWERED_TICKS = 6200;

export async function measureBulk(bench: Bench): Promise<void> {
  const count = bench.quick ? MILLION / 10 : MILLION;
  const rounds = bench.quick ? 2 : 5;
  if (bench.wants(GROUP, 'expiry')) await measureExpiry(bench, count, rounds);
  const wantsRebuild = bench.wants(GROUP, 'rebuild');
  const wantsListing = bench.wants(GROUP, 'listing');
  if (!wantsRebuild && !wantsListing) return;
  bench.progress('connecting clients for rebuilding and listing');
  const subject = await EngineSubject.create({ ...PLAN, capacity: 1 << 20 });
  new Population([subject], count).fill(count);
  if (wantsRebuild) measureRebuild(bench, subject, count, rounds);
  if (wantsListing) await measureListing(bench, subject, count, rounds);
}

function newMeasurement(name: string, live: number, subject: Subject, unit: string): Measurement {
  return { group: GROUP, case: name, live, subject: subject.name, unit, rounds: [] };
}

/** All connections were made at about the same time, have seen a SYN only, and time out after a minute. */
async function measureExpiry(bench: Bench, count: number, rounds: number): Promise<void> {
  const subjects: Subject[] = [
    await EngineSubject.create({ ...PLAN, capacity: 1 << 20 }),
    StraightforwardSubject.create(PLAN),
  ];
  const population = new Population(subjects, 0);
  const measurements = subjects.map((subject) => newMeasurement('expiry', count, subject, 'ms'));
  for (let round = 0; round <= rounds; round++) {
    bench.progress(`expiry, round ${round} of ${rounds}`);
    openAll(population, count);
    population.now += UNANSWERED_TICKS;
    for (const [i, subject] of subjects.entries()) {
      const ms = nanoseconds(() => subject.advance(population.now)) / 1e6;
      if (subject.connectionCount > 0) {
        throw new Error(`${subject.name}: ${subject.connectionCount} connections did not expire`);
      }
      // Round 0 warms up.
      if (round > 0) measurements[i].rounds.push(ms);
    }
  }
  bench.measurements.push(...measurements);
}

function openAll(population: Population, count: number): void {
  const { batch } = population;
  for (let client = 0; client < count;) {
    batch.begin(OUTER);
    while (!batch.isFull && client < count) batch.addRequest(client++, SYN);
    population.processAlike('SYN');
  }
}

function measureRebuild(bench: Bench, subject: EngineSubject, count: number, rounds: number): void {
  const measurement = newMeasurement('rebuild', count, subject, 'ms');
  for (let round = 0; round <= rounds; round++) {
    bench.progress(`rebuild, round ${round} of ${rounds}`);
    const ms = nanoseconds(() => subject.server.rebuild()) / 1e6;
    if (subject.connectionCount !== count) throw new Error('connections were lost in a rebuild');
    if (round > 0) measurement.rounds.push(ms);
  }
  bench.measurements.push(measurement);
}

/** The pieces a listing comes in: packets have to wait for the longest one. */
async function measureListing(
  bench: Bench,
  subject: EngineSubject,
  count: number,
  rounds: number,
): Promise<void> {
  const whole = newMeasurement('listing', count, subject, 'ms');
  const longest = newMeasurement('listing, longest piece', count, subject, 'ms');
  for (let round = 0; round <= rounds; round++) {
    bench.progress(`listing, round ${round} of ${rounds}`);
    collectGarbage();
    const start = performance.now();
    let listed = 0;
    let longestMs = 0;
    let before = start;
    for await (const piece of subject.server.connections()) {
      listed += piece.length;
      const now = performance.now();
      longestMs = Math.max(longestMs, now - before);
      before = now;
    }
    if (listed !== count) throw new Error(`${listed} of ${count} connections were listed`);
    if (round === 0) continue;
    whole.rounds.push(performance.now() - start);
    longest.rounds.push(longestMs);
  }
  bench.measurements.push(whole, longest);
}
