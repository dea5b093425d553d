/**
 * `count.js PORT`: counts the marked packets that reach this host until standard input ends, then prints a Count
 * as JSON. Also listens on the port, so that the kernel completes the connections that they belong to.
 */
import { createServer } from 'node:net';
import { Burst } from '../../../dataplane/driver/driver.js';
import { loadByte } from '../../../dataplane/sys/bpf.js';
import { read16, read32 } from '../../../dataplane/wire/bytes.js';
import { openInterface, PORT } from './interface.js';
import { IP, MARK, NUMBER, TCP } from './segment.js';

export interface Count {
  received: number;
  /** Received once more. */
  repeated: number;
  /** Received after a later one of the same connection. */
  reordered: number;
  /** Reached this host, but the counter had no room; not lost on the way. */
  overflowed: number;
}

const SMALL_SLOTS = 16_384;
const NUMBERS_MAX = 1 << 28;
const PORTS = 65_536;
/** Rarely, so that counting takes little from those who are measured. The ring holds three million a second. */
const DRAIN_MS = 5;

const { driver } = openInterface(SMALL_SLOTS, { load: loadByte(IP + 1), value: MARK });
const burst = new Burst();
const seen = new Uint8Array(NUMBERS_MAX / 8);
const latest = new Int32Array(PORTS).fill(-1);
const count: Count = { received: 0, repeated: 0, reordered: 0, overflowed: 0 };

function drain(): void {
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) take(burst.offset[i]);
    driver.release(burst);
  }
}

function take(offset: number): void {
  const number = read32(driver.memory, offset + NUMBER) & (NUMBERS_MAX - 1);
  const flow = read16(driver.memory, offset + TCP);
  const bit = 1 << (number & 7);
  if ((seen[number >>> 3] & bit) !== 0) {
    count.repeated += 1;
    return;
  }
  seen[number >>> 3] |= bit;
  count.received += 1;
  if (number < latest[flow]) count.reordered += 1;
  else latest[flow] = number;
}

const timer = setInterval(drain, DRAIN_MS);
const server = createServer((socket) => socket.on('error', () => undefined));
server.listen(Number(process.argv[2]), () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => {
  clearInterval(timer);
  drain();
  count.overflowed = driver.stats(PORT).ringDrops;
  driver.close();
  process.stdout.write(`${JSON.stringify(count)}\n`, () => process.exit(0));
});
