/**
 * `clients.js TARGET PORT ROUTER_MAC`: millions of clients, from addresses that no kernel knows. Client n always has
 * the same address and port.
 *
 * | command                    | what is done                                          | answer                       |
 * |----------------------------|-------------------------------------------------------|------------------------------|
 * | open FIRST COUNT           | handshakes, repeated until each was answered          | { seconds, repeated }        |
 * | flood CLIENTS RATE SECONDS | small segments from random ones of the first CLIENTS, | { sent, seconds }            |
 * |                            | RATE a second (0: as fast as it goes)                 |                              |
 * | touch CLIENTS RATE         | one from each                                         | the same                     |
 * | reset FIRST COUNT          | ends connections                                      | the same                     |
 *
 * All answers have `processorMs`, what it took of a processor, besides.
 */
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { patient } from '../../../lab/patience.js';
import { Burst } from '../../../dataplane/driver/driver.js';
import { loadByte } from '../../../dataplane/sys/bpf.js';
import { read16, read32 } from '../../../dataplane/wire/bytes.js';
import { ACK, RST, SYN } from '../../../dataplane/wire/tcp.js';
import { ipv4Bytes, macBytes } from '../../macro/programs/addresses.js';
import { openInterface, PORT } from '../../macro/programs/interface.js';
import { IP, TCP } from '../../macro/programs/segment.js';
import { FRAME_BYTES, Stamp } from '../../overload/programs/frames.js';
import { obey, processorMs } from './commands.js';

/** 198.18.0.0/15, for measurements (RFC 2544). */
const NETWORK = 0xc612_0000 | 0;
const NETWORK_BYTE = 198;
const ADDRESS_BITS = 17;
const ADDRESSES = 1 << ADDRESS_BITS;
const FIRST_PORT = 1024;
const PORTS = 64_000;
/** Ports of one address after the other are this far apart, and those of neighbouring addresses that far. */
const PORT_STRIDE = 7919;
const ADDRESS_STRIDE = 31;

const SMALL_SLOTS = 4096;
/** At most, and at a pace. */
const BATCH = 256;
const BATCHES_PER_SECOND = 500;
/** None of them is to be lost. */
const RESETS_PER_SECOND = 40_000;
/** Handshakes at a time: no ring on the way may be too small for them. */
const WINDOW = 512;
const REPEAT_MS = 200;
const ATTEMPTS = 50;
const PAUSE_MS = 1;
const SEQUENCE = 1000;
const ACKNOWLEDGMENT = 7001;

const [targetText, portText, routerText] = process.argv.slice(2);
const { driver, mac } = openInterface(SMALL_SLOTS, {
  load: loadByte(IP + 16),
  value: NETWORK_BYTE,
});
const receiver = {
  sourceMac: mac,
  destinationMac: macBytes(routerText),
  destination: read32(Uint8Array.from(ipv4Bytes(targetText)), 0),
  destinationPort: Number(portText),
};
const opening = new Stamp(receiver, SYN);
const confirming = new Stamp(receiver, ACK);
const resetting = new Stamp(receiver, RST | ACK);
const burst = new Burst();

function addressOf(client: number): number {
  return NETWORK | (client & (ADDRESSES - 1));
}

function portOf(client: number): number {
  const turns = (client >>> ADDRESS_BITS) * PORT_STRIDE;
  return FIRST_PORT + ((turns + (client & (ADDRESSES - 1)) * ADDRESS_STRIDE) % PORTS);
}

function send(stamp: Stamp, client: number, acknowledgment: number): void {
  const sequence = stamp === opening ? SEQUENCE : SEQUENCE + 1;
  stamp.stamp(addressOf(client), portOf(client), sequence, acknowledgment, client & 0xffff);
  driver.sendCopy(stamp.frame, 0, FRAME_BYTES, 0, PORT);
}

/** By address and port, those of the window whose answer hasn't come. */
const awaited = new Map<number, number>();
let wake: () => void = () => undefined;

/** As one number that a double can hold. */
function keyOf(address: number, port: number): number {
  return (address & (ADDRESSES - 1)) * 0x1_0000 + port;
}

/** Confirms whatever has been answered. */
function confirm(): void {
  const { memory } = driver;
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) {
      const frame = burst.offset[i];
      if (memory[frame + TCP + 13] !== (SYN | ACK)) continue;
      const key = keyOf(read32(memory, frame + IP + 16), read16(memory, frame + TCP + 2));
      const client = awaited.get(key);
      if (client === undefined) continue;
      awaited.delete(key);
      send(confirming, client, ACKNOWLEDGMENT);
    }
    driver.release(burst);
  }
  driver.flush();
  if (awaited.size === 0) wake();
}

async function open(first: number, count: number): Promise<object> {
  let repeated = 0;
  for (let begin = first; begin < first + count; begin += WINDOW) {
    const end = Math.min(begin + WINDOW, first + count);
    for (let client = begin; client < end; client++) {
      awaited.set(keyOf(addressOf(client), portOf(client)), client);
    }
    for (let attempt = 0; awaited.size > 0; attempt++) {
      if (attempt === ATTEMPTS) throw new Error(`no answer from ${targetText}:${portText}`);
      if (attempt > 0) repeated += awaited.size;
      await openAwaited();
    }
  }
  return { repeated };
}

/** Resolves when all are answered, or some time has gone by. */
async function openAwaited(): Promise<void> {
  for (const client of awaited.values()) send(opening, client, 0);
  driver.flush();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patient(REPEAT_MS));
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** xorshift32 (Marsaglia). */
let random = 0x2545_f491;

function randomClient(clients: number): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return (random >>> 0) % clients;
}

async function flood(clients: number, rate: number, seconds: number): Promise<object> {
  const endMs = performance.now() + seconds * 1000;
  return deliver(
    rate,
    () => performance.now() < endMs,
    () => send(confirming, randomClient(clients), ACKNOWLEDGMENT),
  );
}

async function each(stamp: Stamp, first: number, count: number, rate: number): Promise<object> {
  let client = first;
  return deliver(
    rate,
    () => client < first + count,
    () => {
      if (client < first + count) send(stamp, client++, ACKNOWLEDGMENT);
    },
  );
}

/** Sends in batches while there is more, not more than `rate` a second. */
async function deliver(
  rate: number,
  hasMore: () => boolean,
  sendOne: () => void,
): Promise<{ sent: number }> {
  const before = driver.stats(PORT).sentFrames;
  const beginMs = performance.now();
  const batch = rate === 0 ? BATCH : Math.min(BATCH, Math.ceil(rate / BATCHES_PER_SECOND));
  for (let batches = 0; hasMore(); batches++) {
    const dueMs = rate === 0 ? 0 : beginMs + (batches * batch * 1000) / rate;
    while (performance.now() < dueMs) await pause(PAUSE_MS);
    for (let i = 0; i < batch; i++) sendOne();
    driver.flush();
    while (driver.waiting() > 0) {
      await turn();
      driver.flush();
    }
  }
  return { sent: driver.stats(PORT).sentFrames - before };
}

/** With the time that a command takes. */
function timed(command: (...words: number[]) => Promise<object>) {
  return async (...words: number[]): Promise<object> => {
    const beginMs = performance.now();
    const processorBeginMs = processorMs();
    const answer = await command(...words);
    const seconds = (performance.now() - beginMs) / 1000;
    return { ...answer, seconds, processorMs: processorMs() - processorBeginMs };
  };
}

driver.watch(confirm);
await obey({
  open: timed(open),
  flood: timed(flood),
  touch: timed((clients, rate) => each(confirming, 0, clients, rate)),
  reset: timed((first, count) => each(resetting, first, count, RESETS_PER_SECOND)),
});
driver.close();
process.exit(0);
