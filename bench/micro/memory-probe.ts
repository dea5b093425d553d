/**
 * Prints what connections cost in memory: `node --expose-gc memory-probe.js uvs|straightforward COUNT`. A process
 * of its own, so that nothing else is in the figures.
 */
import { tableMemory } from '../../dataplane/sys/memory.js';
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

let allocatedBytes = 0;

/** Tables in mapped memory are in none of the figures that Node gives. */
function allocate(bytes: number): ArrayBuffer {
  allocatedBytes += bytes;
  return tableMemory(bytes);
}

async function newSubject(name: string, capacity: number): Promise<Subject> {
  return name === 'uvs'
    ? EngineSubject.create({ ...PLAN, capacity, allocate })
    : StraightforwardSubject.create(PLAN);
}

function reservedBytes(): number {
  return allocatedBytes + process.memoryUsage().arrayBuffers;
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
  // Kept to the end: memory that is given back meanwhile would be in the differences.
  const warmUp = await newSubject(name, WARM_UP);
  open(warmUp, WARM_UP);
  collectGarbage();
  const beforeBare = reservedBytes();
  const bare = await newSubject(name, 1);
  const reservedBefore = reservedBytes();
  const before = process.memoryUsage();
  const subject = await newSubject(name, capacity);
  // A director without connections has services, servers, counters and hops: these don't count.
  const reserved = reservedBytes() - reservedBefore - (reservedBefore - beforeBare);
  open(subject, count);
  collectGarbage();
  const after = process.memoryUsage();
  const counts = [warmUp, bare, subject].map((one) => one.connectionCount);
  if (String(counts) !== String([WARM_UP, 0, count])) {
    throw new Error(`${counts.join(', ')} connections were made`);
  }
  return {
    reserved: reserved / capacity,
    resident: (after.rss - before.rss) / count,
    heap: (after.heapUsed - before.heapUsed) / count,
  };
}

const [name, count] = process.argv.slice(2);
console.log(JSON.stringify(await figures(name, Number(count))));
