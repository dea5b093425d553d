/**
 * `servers.js PORT`: a server without a memory. Answers every SYN to the port with SYN and ACK, and takes no notice
 * of anything else, so that it can have as many connections as one likes. The host's own TCP must not see them.
 *
 * | command | answer                                                                                 |
 * |---------|----------------------------------------------------------------------------------------|
 * | time    | { processorMs }                                                                        |
 * | watch   | {}; from now on it notes when frames of all kinds arrive                               |
 * | look    | { longestMs, frames }: the longest time since `watch` without a frame, and how many    |
 */
import { Burst } from '../../../dataplane/driver/driver.js';
import { assemble, ifEqual, keep, loadByte, loadHalf } from '../../../dataplane/sys/bpf.js';
import { read16, read32, write16, write32 } from '../../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../../dataplane/wire/checksum.js';
import { ACK, SYN } from '../../../dataplane/wire/tcp.js';
import { openInterface, PORT } from '../../macro/programs/interface.js';
import { IP, TCP } from '../../macro/programs/segment.js';
import { obey, processorMs } from './commands.js';

const SMALL_SLOTS = 8192;
const MAC_BYTES = 6;
const FLAGS = TCP + 13;
const CHECKSUM = TCP + 16;
const TCP_HEADER_BYTES = 20;
const SEQUENCE = 7000;
const ALL_BYTES = 0x40000;

const port = Number(process.argv[2]);
const { driver } = openInterface(SMALL_SLOTS, { load: loadByte(FLAGS), value: SYN });
const { memory } = driver;
const burst = new Burst();
const seen = { frames: 0, lastMs: 0, longestMs: 0 };

/** Only a first segment, so that the others cost nothing here; or all of the port. */
function listenTo(isAll: boolean): void {
  const wanted = isAll
    ? [loadHalf(TCP + 2), ifEqual(port, 1, 0)]
    : [loadByte(FLAGS), ifEqual(SYN, 1, 0)];
  driver.attachFilter(assemble([...wanted, keep(0), keep(ALL_BYTES)]));
}

function drain(): void {
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) take(i, burst.offset[i]);
    driver.flush();
    driver.release(burst);
  }
}

function take(index: number, frame: number): void {
  const nowMs = performance.now();
  if (seen.frames > 0) seen.longestMs = Math.max(seen.longestMs, nowMs - seen.lastMs);
  seen.lastMs = nowMs;
  seen.frames += 1;
  if (memory[frame + FLAGS] !== SYN || read16(memory, frame + TCP + 2) !== port) return;
  turnRound(frame);
  driver.send(burst, index, PORT);
}

/** Makes of a SYN the answer to it, where it lies. */
function turnRound(frame: number): void {
  for (let i = frame; i < frame + MAC_BYTES; i++) {
    const byte = memory[i];
    memory[i] = memory[i + MAC_BYTES];
    memory[i + MAC_BYTES] = byte;
  }
  // The header's checksum is a sum: it doesn't mind the order.
  const source = read32(memory, frame + IP + 12);
  const destination = read32(memory, frame + IP + 16);
  write32(memory, frame + IP + 12, destination);
  write32(memory, frame + IP + 16, source);
  write16(memory, frame + TCP + 2, read16(memory, frame + TCP));
  write16(memory, frame + TCP, port);
  write32(memory, frame + TCP + 8, (read32(memory, frame + TCP + 4) + 1) | 0);
  write32(memory, frame + TCP + 4, SEQUENCE);
  memory[frame + FLAGS] = SYN | ACK;
  write16(memory, frame + CHECKSUM, 0);
  const pseudo = tcpPseudoSum(destination, source, TCP_HEADER_BYTES);
  const sum = sumWords(memory, frame + TCP, TCP_HEADER_BYTES, pseudo);
  write16(memory, frame + CHECKSUM, ~fold(sum));
}

listenTo(false);
driver.watch(drain);
await obey({
  time: () => ({ processorMs: processorMs() }),
  watch: () => {
    listenTo(true);
    Object.assign(seen, { frames: 0, lastMs: 0, longestMs: 0 });
    return {};
  },
  look: () => {
    drain();
    listenTo(false);
    return { longestMs: seen.longestMs, frames: seen.frames };
  },
});
driver.close();
process.exit(0);
