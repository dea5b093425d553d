/**
 * Prints what a packet costs, in nanoseconds: `node probe.js CASE`, a process of its own, since what the compiler has
 * learned in one case would change another's. Established connections' packets go through loop and engine, from memory
 * to memory.
 */
import type { Burst, Driver } from '../../dataplane/driver/driver.js';
import { noStats } from '../../dataplane/driver/stats.js';
import { BURST_MAX } from '../../dataplane/burst-size.js';
import { Loop } from '../../dataplane/loop.js';
import type { TraceFilter, TraceRequest } from '../../src/control/trace.js';
import { readFilter } from '../../src/tools/trace/words.js';
import { tuneCompiler } from '../../src/worker/compiler.js';
import { Traces } from '../../src/worker/trace/traces.js';
import { median, nanoseconds } from '../micro/measure.js';
import { Population } from '../micro/population.js';
import { EngineSubject } from '../micro/subjects.js';
import { ACK, type FrameBatch, OUTER } from '../micro/traffic.js';
import { CASES } from './cases.js';

const PLAN = { scheduler: 'wlc', servers: 3, capacity: 1 << 12 };
const CONNECTIONS = 1000;
const WARM_UP_BATCHES = 400;
const BATCHES = 1000;
const TRACE = 1;

/** A batch's frames come in, one burst after the other; what is sent goes nowhere. */
class BatchDriver implements Driver {
  readonly name = 'batch';
  readonly memory: Uint8Array;
  sent = 0;
  private next = 0;

  constructor(private readonly batch: FrameBatch) {
    this.memory = batch.memory;
  }

  rewind(): void {
    this.next = 0;
    this.sent = 0;
  }

  receive(burst: Burst): number {
    const { batch, next } = this;
    const count = Math.min(BURST_MAX, batch.count - next);
    for (let i = 0; i < count; i++) {
      burst.port[i] = batch.port;
      burst.offset[i] = batch.offset[next + i];
      burst.length[i] = batch.length[next + i];
      burst.offload[i] = 0;
    }
    this.next += count;
    burst.count = count;
    return count;
  }

  send(): void {
    this.sent++;
  }

  stats = noStats;
  sendCopy(): void {}
  handBack(): void {}
  flush(): void {}
  release(): void {}
  close(): void {}
}

function requestFor(filter: TraceFilter): TraceRequest {
  return { filter, ratePerSecond: 200, countMax: 0, frameBytesMax: 128 };
}

tuneCompiler();
const [name] = process.argv.slice(2);
const { words, isEnded } = CASES[name as keyof typeof CASES];
const subject = await EngineSubject.create(PLAN);
const population = new Population([subject], CONNECTIONS);
population.fill(CONNECTIONS);
const { batch } = population;
batch.begin(OUTER);
for (let client = 0; !batch.isFull; client++) batch.addRequest(client % CONNECTIONS, ACK);

const driver = new BatchDriver(batch);
const loop = new Loop(subject.server.engine, driver, () => undefined);
const traces = new Traces({
  state: subject.server.state,
  attach: (watcher) => loop.watch(watcher),
  clock: Date.now,
});

let hasEnded = false;

function run(batches: number): number[] {
  return Array.from({ length: batches }, () => {
    batch.restore();
    driver.rewind();
    const taken = nanoseconds(() => {
      while (loop.burst(population.now) > 0);
    });
    if (driver.sent !== batch.count) throw new Error('packets were not sent');
    if (words !== null && !hasEnded) traces.fetch(TRACE);
    return taken / batch.count;
  });
}

if (words !== null) traces.begin(TRACE, requestFor(readFilter(words)));
run(WARM_UP_BATCHES);
if (isEnded) {
  traces.end(TRACE);
  hasEnded = true;
}
run(WARM_UP_BATCHES);
process.stdout.write(`${median(run(BATCHES))}\n`);
process.exit();
