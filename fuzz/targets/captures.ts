/**
 * Capture files, pcap and pcapng. Each is read twice, with other bytes in the memory around it: so what is read
 * beyond the file's end makes a difference. The second time the bytes come in small pieces.
 */
import { readCapture } from '../../dataplane/driver/capture/open.js';
import { CaptureError } from '../../dataplane/driver/capture/reader.js';
import { type ByteSource, CaptureWindow } from '../../dataplane/driver/capture/window.js';
import { BURST_MAX } from '../../dataplane/burst-size.js';
import type { Random } from '../../sim/random.js';
import { ByteMutator } from '../bytes.js';
import { captureSeeds } from '../captures/capture-seeds.js';
import { mustHold, type Target } from '../target.js';

const FILE_MAX_BYTES = 4096;
const WINDOW_BYTES = 1 << 20;
/** The window's bytes that a file of the largest size can have an effect on. */
const TOUCHED_BYTES = 2 * FILE_MAX_BYTES;
const FILLS = [0x00, 0xff];
const NAME = 'fuzzed.pcap';
/** A record has at least so many bytes; one more call finds the end. */
const RECORD_MIN_BYTES = 12;
/** A packet can grow by an Ethernet header. */
const GROWTH_MAX_BYTES = 14;

export class CaptureTarget implements Target {
  readonly name = 'captures';
  readonly about = 'pcap and pcapng files';
  private readonly mutator = new ByteMutator(FILE_MAX_BYTES);
  private readonly memories: Uint8Array<ArrayBuffer>[] = FILLS.map((fill) =>
    new Uint8Array(WINDOW_BYTES).fill(fill),
  );

  seeds(): Uint8Array[] {
    return captureSeeds();
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    return this.mutator.mutate(input, other, random);
  }

  reset(): void {
    for (const [i, memory] of this.memories.entries()) memory.fill(FILLS[i]);
  }

  run(file: Uint8Array): number {
    const [one, other] = this.memories.map((memory, i) =>
      read(file, memory, i === 0 ? Infinity : 100 + (file.length % 97)),
    );
    for (const [i, memory] of this.memories.entries()) memory.fill(FILLS[i], 0, TOUCHED_BYTES);
    mustHold(one === other, 'what is read depends on nothing beyond the end of the file');
    return 1;
  }
}

/** Reads all packets, in bursts as a driver does. @returns a digest of what was found */
function read(file: Uint8Array, memory: Uint8Array<ArrayBuffer>, pieceMax: number): number {
  const digest = new Digest();
  let calls = 0;
  let captured = 0;
  try {
    const reader = readCapture(NAME, new CaptureWindow(sourceOf(file, pieceMax), memory));
    reader.keepsOutgoing = file.length % 2 === 0;
    let kept = 0;
    for (;;) {
      mustHold(calls++ <= 2 * (file.length / RECORD_MIN_BYTES) + 2, 'reading has an end');
      const isFound = reader.next(kept > 0);
      if (!isFound && kept === 0) break;
      kept = isFound && kept < BURST_MAX - 1 ? kept + 1 : 0;
      if (!isFound) continue;
      const { offset, length, seconds, nanoseconds } = reader;
      mustHold(length >= 0 && offset >= 0, 'a packet is somewhere');
      mustHold(offset + length <= memory.length, 'a packet lies in the window');
      mustHold(Number.isFinite(seconds) && Number.isFinite(nanoseconds), 'times are numbers');
      captured += length - GROWTH_MAX_BYTES;
      mustHold(captured <= file.length, 'packets have no more bytes than the file');
      digest.add(length);
      digest.add(reader.originalLength);
      digest.add(reader.interfaceIndex);
      digest.add(seconds);
      digest.add(nanoseconds);
      digest.addBytes(memory, offset, length);
    }
    digest.add(reader.passedOver);
    reader.close();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    mustHold(error.message.startsWith(`${NAME}: `), 'an error names the file');
    digest.addBytes(Buffer.from(error.message), 0, error.message.length);
  }
  return digest.value;
}

/** One number that tells apart what was read. */
class Digest {
  value = 0;

  add(value: number): void {
    this.value = (Math.imul(this.value, 31) + (value | 0)) | 0;
  }

  addBytes(bytes: Uint8Array, from: number, count: number): void {
    let { value } = this;
    for (let i = from; i < from + count; i++) value = (Math.imul(value, 31) + bytes[i]) | 0;
    this.value = value;
  }
}

/** The file, in pieces of at most `pieceMax` bytes. */
function sourceOf(file: Uint8Array, pieceMax: number): ByteSource {
  let position = 0;
  return {
    read(memory, at, count) {
      const piece = Math.min(count, pieceMax, file.length - position);
      memory.set(file.subarray(position, position + piece), at);
      position += piece;
      return piece;
    },
    close() {},
  };
}
