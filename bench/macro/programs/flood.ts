/**
 * `flood.js SOURCE DESTINATION PORT ROUTER_MAC FLOWS SECONDS`: sends numbered small packets as fast as it goes,
 * in turn on connections that it has really opened before: from an address that the host's own TCP doesn't
 * know, so that nobody else answers. Prints a Flood as JSON.
 */
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { Burst } from '../../../dataplane/driver/driver.js';
import { loadWord } from '../../../dataplane/sys/bpf.js';
import { read16, read32 } from '../../../dataplane/wire/bytes.js';
import { ACK, RST, SYN } from '../../../dataplane/wire/tcp.js';
import { ipv4Bytes, macBytes } from './addresses.js';
import { openInterface, PORT } from './interface.js';
import { buildFrame, FRAME_BYTES, IP, setNumber, sumWithoutNumber, TCP } from './segment.js';

export interface Flood {
  sent: number;
  seconds: number;
  /** Times the interface could take no more. */
  backPressure: number;
}

const PORT_MIN = 10_000;
const PORT_MAX = 65_000;
const SEQUENCE = 1000;
const SMALL_SLOTS = 2048;
const BATCH = 256;
const ATTEMPTS = 50;
const ATTEMPT_MS = 20;

const [sourceText, destinationText, portText, routerText, flowsText, secondsText] =
  process.argv.slice(2);
const source = read32(Uint8Array.from(ipv4Bytes(sourceText)), 0);
const destination = read32(Uint8Array.from(ipv4Bytes(destinationText)), 0);
const flows = Number(flowsText);
/** Others each time: connections whose end got lost in the flood may still be known on the way, or to the server. */
const firstPort = PORT_MIN + (process.pid % Math.floor((PORT_MAX - PORT_MIN) / flows)) * flows;
const { driver, mac } = openInterface(SMALL_SLOTS, {
  load: loadWord(IP + 16),
  value: source >>> 0,
});

function frame(flow: number, flags: number, acknowledgment: number, marked = false): Uint8Array {
  const segment = {
    sourceMac: mac,
    destinationMac: macBytes(routerText),
    source,
    destination,
    sourcePort: firstPort + flow,
    destinationPort: Number(portText),
    sequence: flags === SYN ? SEQUENCE : SEQUENCE + 1,
    acknowledgment,
    flags,
  };
  return buildFrame(segment, marked);
}

function send(bytes: Uint8Array): void {
  driver.sendCopy(bytes, 0, FRAME_BYTES, 0, PORT);
}

/** Opens all connections; resolves to what each has to acknowledge. */
async function open(): Promise<number[]> {
  const acknowledgments: number[] = [];
  const burst = new Burst();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (let flow = 0; flow < flows; flow++) {
      if (acknowledgments[flow] === undefined) send(frame(flow, SYN, 0));
    }
    driver.flush();
    await pause(ATTEMPT_MS);
    while (driver.receive(burst) > 0) {
      for (let i = 0; i < burst.count; i++) answered(burst.offset[i], acknowledgments);
      driver.release(burst);
    }
    driver.flush();
    if (Object.keys(acknowledgments).length === flows) return acknowledgments;
  }
  throw new Error(`no answer from ${destinationText}:${portText}`);
}

/** A segment has come: the second step of the handshake gets the third. */
function answered(offset: number, acknowledgments: number[]): void {
  const { memory } = driver;
  const tcp = offset + TCP;
  if (memory[tcp + 13] !== (SYN | ACK)) return;
  const flow = read16(memory, tcp + 2) - firstPort;
  acknowledgments[flow] = (read32(memory, tcp + 4) + 1) | 0;
  send(frame(flow, ACK, acknowledgments[flow]));
}

async function flood(acknowledgments: number[], seconds: number): Promise<Flood> {
  const frames = acknowledgments.map((value, flow) => frame(flow, ACK, value, true));
  const sums = frames.map(sumWithoutNumber);
  const before = driver.stats(PORT);
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let number = 0;
  let flow = 0;
  let now = begin;
  while (now < end) {
    for (let i = 0; i < BATCH; i++) {
      setNumber(frames[flow], number, sums[flow]);
      send(frames[flow]);
      number += 1;
      flow = flow + 1 < flows ? flow + 1 : 0;
    }
    driver.flush();
    while (driver.waiting() > 0) {
      await turn();
      driver.flush();
    }
    now = performance.now();
  }
  const after = driver.stats(PORT);
  return {
    sent: after.sentFrames - before.sentFrames,
    seconds: (now - begin) / 1000,
    backPressure: after.backPressure - before.backPressure,
  };
}

/** Nothing of this run is to be left in the director's table or on the server. */
function reset(acknowledgments: number[]): void {
  for (const [flow, value] of acknowledgments.entries()) send(frame(flow, RST | ACK, value));
  driver.flush();
}

const acknowledgments = await open();
const result = await flood(acknowledgments, Number(secondsText));
reset(acknowledgments);
driver.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
