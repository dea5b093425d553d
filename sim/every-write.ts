/**
 * Dies at every write of a step, one after the other: each time on a copy of the same tables, each time followed
 * by a restart on what was left, which must find everything as before the step or as after it.
 */
import type { Capacity, StateMemory } from '../dataplane/state.js';
import { ControlError } from '../src/control/api.js';
import { VirtualServer } from '../src/virtual-server/virtual-server.js';
import { WriteTap } from './crash.js';
import { checkInvariants } from './invariants.js';
import { configurationOf, copyMemory, Picture } from './recovery.js';
import { Violation } from './violation.js';

export interface Step {
  memory: StateMemory;
  capacity: Capacity;
  clock: () => number;
  /** Makes a virtual server what it is to be before the step: routes, for example. */
  prepare: (server: VirtualServer) => void;
  run: (server: VirtualServer) => unknown;
  /** Words of the tables were overwritten at some time. */
  wereOverwritten?: boolean;
  /** Changes each virtual server before it takes over: to see whether the checks find it. */
  plant?: (server: VirtualServer) => void;
}

export interface Outcome {
  /** How many writes the step makes. */
  writes: number;
  /** Services and servers before and after it. */
  before: string;
  after: string;
}

/**
 * @param choose given the number of writes, which of them to die at; all by default
 * @throws Violation
 */
export async function dieAtEveryWrite(
  step: Step,
  choose: (writes: number) => Iterable<number> = upTo,
): Promise<Outcome> {
  const whole = copyMemory(step.memory);
  const finished = await started(step, whole);
  const before = await configurationOf(finished);
  const counting = new WriteTap(finished, whole);
  await counting.run(Number.MAX_SAFE_INTEGER, () => refusable(() => step.run(finished)));
  const after = await configurationOf(finished);
  const { length } = counting.writes;
  for (const writes of choose(length)) {
    const now = await dieAt(step, writes);
    if (now === before || now === after) continue;
    const texts = `before:\n${before}\nafter:\n${after}\nnow:\n${now}`;
    throw new Violation('atomicity', `after ${writes} of ${length} writes\n${texts}`);
  }
  return { writes: length, before, after };
}

function* upTo(last: number): Iterable<number> {
  for (let i = 0; i <= last; i++) yield i;
}

/** @returns services and servers after the restart */
async function dieAt(step: Step, writes: number): Promise<string> {
  const memory = copyMemory(step.memory);
  const server = await started(step, memory);
  const picture = await Picture.of(server, memory);
  const tap = new WriteTap(server, memory);
  await tap.run(writes, () => refusable(() => step.run(server)));
  const next = await started(step, memory);
  picture.checkConnections(next.state, memory, tap.writes);
  return configurationOf(next);
}

const LARGE_BYTES = 1 << 20;
/** Room for a flood of SYNs, which nobody sends here: it stays blank, and is the same for all. */
let roomForFloods = new ArrayBuffer(0);

function allocate(bytes: number): ArrayBuffer {
  if (bytes < LARGE_BYTES) return new ArrayBuffer(bytes);
  if (roomForFloods.byteLength !== bytes) roomForFloods = new ArrayBuffer(bytes);
  return roomForFloods;
}

/** A virtual server that has taken these tables over. */
async function started(step: Step, memory: StateMemory): Promise<VirtualServer> {
  const { capacity, clock } = step;
  const server = new VirtualServer({ memory, capacity, clock, hashKey: [1, 2], allocate });
  step.plant?.(server);
  step.prepare(server);
  takeOver(server, step.wereOverwritten ?? false);
  try {
    checkInvariants(server.state);
  } catch (error) {
    throw new Violation('invariant', (error as Error).message);
  }
  return server;
}

/**
 * Has a virtual server take over tables in which nothing may be damaged; where words were overwritten earlier,
 * counters may be: what looked right then may have grown out of all bounds since.
 */
export function takeOver(server: VirtualServer, wereOverwritten: boolean): void {
  const damaged = server.rebuild();
  if (wereOverwritten) damaged.counters = 0;
  if (Object.values(damaged).every((count) => count === 0)) return;
  throw new Violation('recovery', `${JSON.stringify(damaged)} records were damaged`);
}

/** Commands may be refused: then nothing may have changed either. */
async function refusable(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
}
