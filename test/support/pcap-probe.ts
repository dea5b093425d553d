/**
 * `node pcap-probe.ts`, in a namespace with a veth pair wire0, wire1 (test/lab/support/wire.ts): the pcap driver on wire0
 * while frames come without end. Prints what it has seen as JSON. A process of its own: captures last as long as one.
 */
import { readFileSync } from 'node:fs';
import { Burst } from '../../dataplane/driver/driver.js';
import { PcapDriver } from '../../dataplane/driver/pcap/driver.js';
import { RingDriver } from '../../dataplane/driver/ring.js';
import { assemble, keep } from '../../dataplane/sys/bpf.js';
import { read32, write32 } from '../../dataplane/wire/bytes.js';
import { ETHERNET, tcpFrame } from './frames.js';

const PORT = 0;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0);
const PAYLOAD = ETHERNET + 40;
const BATCH = 32;
/** A driver that never pauses is stopped after so many frames. */
const FRAMES_MAX = 1_000_000;
const TURNS = 3;
const FLOOD_FRAMES = 20_000;
/** Frames that are missing are waited for so often and long. */
const LOOKS_MAX = 200;
const LOOK_MS = 50;

const ifindex = Number(readFileSync('/sys/class/net/wire1/ifindex', 'utf8'));
const sender = new RingDriver();
sender.openPort(PORT, ifindex);
const driver = new PcapDriver({ mtuOf: () => 1500, mtuTo: () => 1500 });
driver.attachFilter(assemble([keep(0x40000)]));
driver.openPort(PORT, { name: 'wire0', mac: MAC });

const frame = tcpFrame({
  source: '10.1.0.2',
  sourcePort: 1024,
  destination: '10.1.0.100',
  destinationPort: 80,
  flags: 0x10,
  payload: new Uint8Array(4),
});
frame.set(MAC);
const burst = new Burst();
const seen = { received: 0, misplaced: 0, turns: 0, isEndless: false, lost: 0, counted: 0 };
let sent = 0;

function send(count: number): void {
  for (let i = 0; i < count; i++) {
    write32(frame, PAYLOAD, sent++);
    sender.sendCopy(frame, 0, frame.length, 0, PORT);
  }
  sender.flush();
}

function receive(): void {
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) {
      if (read32(driver.memory, burst.offset[i] + PAYLOAD) !== seen.received) seen.misplaced += 1;
      seen.received += 1;
    }
    driver.release(burst);
  }
}

/** There is always a frame more by the time one has been handed over. */
function receiveWithoutEnd(): void {
  receive();
  if (seen.turns === TURNS) return;
  if (sent < FRAMES_MAX) send(BATCH);
  else seen.isEndless = true;
}

function takeTurn(): void {
  seen.turns += 1;
  if (seen.turns < TURNS) setTimeout(takeTurn, 0);
  else onceComplete(() => seen.received === sent, flood);
}

/** More frames at once than there is room for. */
function flood(): void {
  seen.lost = sent - seen.received;
  seen.received = sent = 0;
  const before = driver.stats(PORT).ringDrops;
  driver.watch(receiveSome);
  send(FLOOD_FRAMES);
  const lost = (): number => driver.stats(PORT).ringDrops - before;
  onceComplete(
    () => seen.received + lost() === sent,
    () => report(lost()),
  );
}

/** Goes on when no frame is missing, or none comes any more. */
function onceComplete(isComplete: () => boolean, goOn: () => void, looks = LOOKS_MAX): void {
  if (isComplete() || looks === 0) goOn();
  else setTimeout(() => onceComplete(isComplete, goOn, looks - 1), LOOK_MS);
}

/** Of a flood many are lost, in whatever places. */
function receiveSome(): void {
  while (driver.receive(burst) > 0) {
    seen.received += burst.count;
    driver.release(burst);
  }
}

function report(lost: number): void {
  seen.counted = lost;
  process.stdout.write(JSON.stringify({ ...seen, sent }), () => process.exit());
}

driver.watch(receiveWithoutEnd);
send(2 * BATCH);
setTimeout(takeTurn, 0);
