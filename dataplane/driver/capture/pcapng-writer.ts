/**
 * Writes Ethernet frames of several interfaces to a pcapng file, each with its direction and a comment (pcapng.ts draws
 * the blocks). What was written is in the file after `flush`: a program that reads along sees it then.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { BLOCK_INTERFACE, BLOCK_PACKET, BLOCK_SECTION, BYTE_ORDER_MAGIC } from './pcapng.js';

const VERSION = 1;
const LINK_ETHERNET = 1;
const WORD_BYTES = 4;
const HEADER_WORDS = 2;
const OPTION_END = 0;
const OPTION_COMMENT = 1;
const OPTION_INTERFACE_NAME = 2;
const OPTION_PACKET_FLAGS = 2;
const OPTION_APPLICATION = 4;
const FLAG_INBOUND = 1;
const FLAG_OUTBOUND = 2;
const WORD_RANGE = 2 ** 32;
const MICROSECONDS_PER_MS = 1000;

export interface CapturedFrame {
  interface: string;
  direction: 'in' | 'out';
  /** Milliseconds since 1970; the file counts microseconds. */
  atMs: number;
  /** Its beginning, and the length that all of it has. */
  bytes: Uint8Array;
  lengthBytes: number;
  /** Shown with the packet. */
  comment: string;
}

export class PcapngWriter {
  private readonly file: number;
  private readonly interfaces = new Map<string, number>();
  private blocks: Uint8Array[] = [];
  private isClosed = false;

  /**
   * Creates the file, or empties it. Throws what the file system says.
   * @param frameBytesMax no frame has more bytes here
   */
  constructor(
    path: string,
    application: string,
    private readonly frameBytesMax: number,
  ) {
    this.file = openSync(path, 'w');
    const body = words(BYTE_ORDER_MAGIC, VERSION, WORD_RANGE - 1, WORD_RANGE - 1);
    this.add(BLOCK_SECTION, [body, option(OPTION_APPLICATION, Buffer.from(application)), END]);
  }

  write({ interface: name, direction, atMs, bytes, lengthBytes, comment }: CapturedFrame): void {
    const number = this.interfaceNumber(name);
    const time = Math.round(atMs * MICROSECONDS_PER_MS);
    const flags = words(direction === 'in' ? FLAG_INBOUND : FLAG_OUTBOUND);
    this.add(BLOCK_PACKET, [
      words(number, Math.floor(time / WORD_RANGE), time % WORD_RANGE, bytes.length, lengthBytes),
      padded(bytes),
      option(OPTION_COMMENT, Buffer.from(comment)),
      option(OPTION_PACKET_FLAGS, flags),
      END,
    ]);
  }

  flush(): void {
    const bytes = Buffer.concat(this.blocks);
    this.blocks = [];
    for (let written = 0; written < bytes.length;) {
      written += writeSync(this.file, bytes, written);
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      this.flush();
    } finally {
      closeSync(this.file);
    }
  }

  /** An interface is described when its first frame comes. */
  private interfaceNumber(name: string): number {
    const known = this.interfaces.get(name);
    if (known !== undefined) return known;
    const number = this.interfaces.size;
    this.interfaces.set(name, number);
    const body = words(LINK_ETHERNET, this.frameBytesMax);
    this.add(BLOCK_INTERFACE, [body, option(OPTION_INTERFACE_NAME, Buffer.from(name)), END]);
    return number;
  }

  private add(type: number, parts: readonly Uint8Array[]): void {
    const body = Buffer.concat(parts);
    const total = body.length + (HEADER_WORDS + 1) * WORD_BYTES;
    this.blocks.push(words(type, total), body, words(total));
  }
}

const END = option(OPTION_END, new Uint8Array(0));

/** Little-endian words. */
function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * WORD_BYTES);
  for (const [i, value] of values.entries()) buffer.writeUInt32LE(value, i * WORD_BYTES);
  return buffer;
}

/** Code and length are half a word each. */
function option(code: number, value: Uint8Array): Buffer {
  return Buffer.concat([words(code + value.length * 0x10000), padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & (WORD_BYTES - 1);
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
