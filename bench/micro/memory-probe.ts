/**
 * Prints what connections cost in memory: `node --expose-gc memory-probe.js uvs|straightforward COUNT`. A process
 * of its own, so that nothing else is in the figures.
 */
import { collectGarbage } from './measure.js';
import { EngineSubject, StraightforwardSubject, type Subject } from './subjects.js';
import { FrameBatch, OUTER, SYN } from './traffic.js';

/** Bytes a connection. */
export interface MemoryFigures {
  /** Records, index and timers as reserved; 0 where nothing is reserved. */
  reserved: number;
  /** Growth of the resident memory of the process, and of the heap in it. */
  resident: number;
  heap: number;
}

const WARM_UP = 20_000;
const PLAN = { scheduler: 'rr', servers: 3 };

async function newSubject(name: string, capacity: number): Promise<Subject> {
  return name === 'uvs'
    ? EngineSubject.create({ ...PLAN, capacity })
    : StraightforwardSubject.create(PLAN);
}

const batch = new FrameBatch();

function open(subject: Subject, count: number): void {
  for (let client = 0; client < count;) {
    batch.begin(OUTER);
    while (!batch.isFull && client < count) batch.addRequest(client++, SYN);
    batch.restore();
    subject.process(batch, 0);
  }
}

async function figures(name: string, count: number): Promise<MemoryFigures> {
  const capacity = 2 ** Math.ceil(Math.log2(count));
  // Kept to the end: memory that is given back meanwhile would be in the difference.
  const warmUp = await newSubject(name, WARM_UP);
  open(warmUp, WARM_UP);
  collectGarbage();
  const before = process.memoryUsage();
  const subject = await newSubject(name, capacity);
  const reserved =
    process.memoryUsage().arrayBuffers - before.arrayBuffers - (await bareBytes(name));
  open(subject, count);
  collectGarbage();
  const after = process.memoryUsage();
  if (subject.connectionCount !== count || warmUp.connectionCount !== WARM_UP) {
    throw new Error(`${subject.connectionCount} of ${count} connections were made`);
  }
  return {
    reserved: reserved / capacity,
    resident: (after.rss - before.rss) / count,
    heap: (after.heapUsed - before.heapUsed) / count,
  };
}

/** What a director takes without connections: services, servers, counters, hops. */
async function bareBytes(name: string): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  await newSubject(name, 1);
  return process.memoryUsage().arrayBuffers - before;
}

const [name, count] = process.argv.slice(2);
console.log(JSON.stringify(await figures(name, Number(count))));
