import assert from 'node:assert/strict';
import { MemoryDriver } from '../../../dataplane/driver/memory.js';
import { DropCounters } from '../../../dataplane/drops.js';
import { FrameQueue } from '../../../dataplane/frame-queue.js';
import { Loop, type PacketEngine } from '../../../dataplane/loop.js';
import { Routes } from '../../../dataplane/route/routes.js';
import {
  ANSWER,
  DROP,
  HAND_BACK,
  LEAVE,
  makeVerdict,
  PARK,
  SEND,
  verdictKind,
  verdictValue,
} from '../../../dataplane/verdict.js';
import type { FrameWatcher } from '../../../dataplane/watcher.js';
import { address } from '../../support/frames.js';

const SERVER = address('10.2.0.11');
const FRAME_BYTES = 16;

/** Decides by a frame's first byte, and marks the frames it has seen. */
class ScriptedEngine implements PacketEngine {
  readonly answers = new FrameQueue(2, 2 * FRAME_BYTES);
  readonly drops = new DropCounters();
  readonly routes = new Routes();
  readonly ahead: number[][] = [];
  readonly seen: number[][] = [];
  readonly verdicts = new Map<number, number>();
  due = false;
  advanced: number[] = [];
  settled: number[] = [];
  caughtUp: number[] = [];

  prefetch(_memory: Uint8Array, offset: Int32Array, length: Int32Array, count: number): void {
    this.ahead.push([count, offset[count - 1], length[count - 1]]);
  }

  process(
    memory: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    now: number,
  ): number {
    this.seen.push([memory[offset], length, port, offload, now]);
    memory[offset + 15] = 0xaa;
    return this.verdicts.get(memory[offset]) ?? LEAVE;
  }

  catchUp(now: number): void {
    this.caughtUp.push(now);
  }

  settle(now: number): void {
    this.settled.push(now);
  }

  advance(now: number): boolean {
    this.advanced.push(now);
    return this.due;
  }
}

/** Writes down what a watcher is told. */
class WatcherLog implements FrameWatcher {
  readonly lines: string[] = [];
  /** The mark that the scripted engine leaves, at each time. */
  readonly marks: number[] = [];
  memory: Uint8Array = new Uint8Array(0);
  private offset = 0;

  came(memory: Uint8Array, offset: number, _length: number, port: number): void {
    this.memory = memory;
    this.offset = offset;
    this.note(`came ${memory[offset]} by ${port}`);
  }

  decided(verdict: number): void {
    const kind = verdictKind(verdict) === SEND ? 'sent by' : 'dropped for';
    this.note(`${kind} ${verdictValue(verdict)}`);
  }

  sentLate(): void {}
  droppedLate(): void {}

  private note(line: string): void {
    this.lines.push(line);
    this.marks.push(this.memory[this.offset + 15] === 0xaa ? 0xaa : 0);
  }
}

describe('a burst', () => {
  let engine: ScriptedEngine;
  let driver: MemoryDriver;
  let loop: Loop;
  let asked: number[];

  beforeEach(() => {
    engine = new ScriptedEngine();
    driver = new MemoryDriver();
    asked = [];
    loop = new Loop(engine, driver, (hop) => asked.push(hop));
  });

  function arrive(kind: number, verdict: number, port = 0, offload = 0): void {
    engine.verdicts.set(kind, verdict);
    driver.queue(port, new Uint8Array(FRAME_BYTES).fill(kind), offload);
  }

  const sent = () => driver.takeSent().map(({ port, bytes, offload }) => [port, bytes[0], offload]);

  it('shows the engine every frame with its port, offloads and the time', () => {
    arrive(1, LEAVE, 0, 7);
    arrive(2, LEAVE, 1);
    assert.equal(loop.burst(42), 2);
    assert.deepEqual(engine.seen, [
      [1, FRAME_BYTES, 0, 7, 42],
      [2, FRAME_BYTES, 1, 0, 42],
    ]);
    assert.equal(loop.burst(43), 0);
  });

  it('lets the engine look ahead at all frames of the burst', () => {
    arrive(1, LEAVE);
    arrive(2, LEAVE);
    loop.burst(0);
    assert.deepEqual(engine.ahead, [[2, 2048, FRAME_BYTES]]);
    loop.burst(0);
    assert.equal(engine.ahead.length, 1);
  });

  it('sends the frame as the engine has rewritten it, with its offloads, in order', () => {
    arrive(1, makeVerdict(SEND, 1), 0, 9);
    arrive(2, makeVerdict(SEND, 0), 1);
    loop.burst(0);
    const [first, second] = driver.takeSent();
    assert.deepEqual([first.port, first.bytes[15], first.offload], [1, 0xaa, 9]);
    assert.deepEqual([second.port, second.bytes[0]], [0, 2]);
  });

  it('sends on what an earlier process had rewritten and not sent, until the rings were empty once', () => {
    const own = Uint8Array.from([2, 0, 0, 0, 0, 9]);
    engine.routes.setPort(1, { name: 'd1', mac: own, mtu: 1500, up: true });
    const leftover = new Uint8Array(FRAME_BYTES).fill(1);
    leftover.set(own, 6);
    driver.queue(0, leftover, 5);
    arrive(2, LEAVE);
    loop.burst(0);
    assert.deepEqual(sent(), [[1, 1, 5]]);
    assert.deepEqual(
      engine.seen.map(([kind]) => kind),
      [2],
    );
    loop.burst(0);
    driver.queue(0, leftover, 5);
    loop.burst(0);
    assert.deepEqual(sent(), []);
    assert.equal(engine.seen.length, 2);
  });

  it('leaves, hands back and drops', () => {
    arrive(1, LEAVE);
    arrive(2, HAND_BACK);
    arrive(3, makeVerdict(DROP, 4));
    loop.burst(0);
    assert.deepEqual(sent(), []);
    assert.deepEqual(
      driver.takeHandedBack().map(({ bytes }) => bytes[0]),
      [2],
    );
  });

  it("sends all of the engine's answers instead of the frame", () => {
    const first = engine.answers.append(FRAME_BYTES);
    engine.answers.memory.fill(21, first, first + FRAME_BYTES);
    const second = engine.answers.append(FRAME_BYTES);
    engine.answers.memory.fill(22, second, second + FRAME_BYTES);
    arrive(1, makeVerdict(ANSWER, 1), 0, 9);
    loop.burst(0);
    assert.deepEqual(sent(), [
      [1, 21, 0],
      [1, 22, 0],
    ]);
  });

  it('parks a frame until its hop is known', () => {
    const mac = new Uint8Array(6).fill(0xbb);
    engine.routes.setPort(1, { name: 'd1', mac, mtu: 1500, up: true });
    engine.routes.setRoutes([
      {
        kind: 'unicast',
        address: SERVER,
        prefixLength: 32,
        gateway: 0,
        port: 1,
        mtu: 0,
        metric: 0,
      },
    ]);
    const hop = engine.routes.lookup(SERVER);
    arrive(1, makeVerdict(PARK, hop), 0, 9);
    loop.burst(0);
    assert.deepEqual([sent(), asked], [[], [hop]]);
    engine.routes.setNeighbour(1, SERVER, new Uint8Array(6).fill(0xcc));
    loop.parking.hopResolved(hop);
    assert.deepEqual(sent(), [[1, 0xcc, 9]]);
  });

  it('offers the network again what it could not take, with frames or without', () => {
    driver.flushLimit = 1;
    for (const kind of [1, 2, 3]) arrive(kind, makeVerdict(SEND, 1));
    loop.burst(0);
    assert.deepEqual(sent(), [[1, 1, 0]]);
    assert.equal(loop.burst(0), 0);
    assert.deepEqual(sent(), [[1, 2, 0]]);
    arrive(4, makeVerdict(SEND, 1));
    driver.flushLimit = 9;
    loop.burst(0);
    assert.deepEqual(sent(), [
      [1, 3, 0],
      [1, 4, 0],
    ]);
  });

  it('shows a watcher each frame before and after the engine has seen it, and nobody once he has left', () => {
    const log = new WatcherLog();
    const { memory } = driver;
    loop.watch(log);
    arrive(1, makeVerdict(SEND, 1), 0, 9);
    arrive(2, makeVerdict(DROP, 4), 1);
    loop.burst(0);
    assert.deepEqual(log.lines, ['came 1 by 0', 'sent by 1', 'came 2 by 1', 'dropped for 4']);
    assert.deepEqual(log.marks, [0, 0xaa, 0, 0xaa]);
    assert.equal(log.memory, memory);
    assert.deepEqual(sent(), [[1, 1, 9]]);
    loop.watch(null);
    arrive(1, makeVerdict(SEND, 1));
    loop.burst(0);
    assert.equal(log.lines.length, 4);
    assert.deepEqual(sent(), [[1, 1, 0]]);
  });

  it('says whether more is due', () => {
    assert.equal(loop.advance(5), false);
    engine.due = true;
    assert.equal(loop.advance(6), true);
    assert.deepEqual(engine.advanced, [5, 6]);
  });
});
