/**
 * Has frames go to and fro between the two ends of a wire, through the ring driver and the loop, and prints
 * how much the heap has grown meanwhile. Run by test/lab/ring.test.ts in a process of its own, without the
 * coverage that would change what the compiler does. Arguments: the two interfaces' indexes.
 */
import { RingDriver } from '../../dataplane/driver/ring.js';
import { DropCounters } from '../../dataplane/drops.js';
import { FrameQueue } from '../../dataplane/frame-queue.js';
import { Loop, type PacketEngine } from '../../dataplane/loop.js';
import { Routes } from '../../dataplane/route/routes.js';
import { makeVerdict, SEND } from '../../dataplane/verdict.js';
import { tcpFrame } from './frames.js';
import { heapGrowth } from './heap-growth.js';

const UNDER_WAY = 100;
const WARM_UP_FRAMES = 100_000;
/** In each round. */
const FRAMES = 200_000;

/** Sends each frame back to where it came from; a MAC address ends with its port's number. */
const turnRound: PacketEngine = {
  answers: new FrameQueue(1, 1),
  drops: new DropCounters(),
  routes: new Routes(),
  prefetch() {},
  process(memory, offset, _length, port) {
    memory[offset + 5] = 1 - port;
    return makeVerdict(SEND, port);
  },
  advance: () => false,
  catchUp() {},
  settle() {},
};

const driver = new RingDriver();
process.argv.slice(2).forEach((ifindex, port) => driver.openPort(port, Number(ifindex)));
const loop = new Loop(turnRound, driver, () => {});

function run(frames: number): void {
  for (let done = 0; done < frames; done += loop.burst(0));
}

const frame = tcpFrame({
  source: '10.9.0.1',
  sourcePort: 1024,
  destination: '10.9.0.2',
  destinationPort: 80,
  flags: 0x10,
});
frame.set([2, 0, 0, 0, 0, 1]);
for (let i = 0; i < UNDER_WAY; i++) driver.sendCopy(frame, 0, frame.length, 0, 0);
driver.flush();
run(WARM_UP_FRAMES);
const grownBytes = heapGrowth(() => run(FRAMES));
console.log(
  JSON.stringify({ frames: FRAMES, grownBytes, stats: [driver.stats(0), driver.stats(1)] }),
);
driver.close();
