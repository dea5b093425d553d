/** Writes Ethernet frames to a pcap file with nanoseconds, in large pieces. */
import { closeSync, openSync, writeSync } from 'node:fs';

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const SNAP_LENGTH = 262_144;
const LINK_ETHERNET = 1;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const BUFFER_BYTES = 1 << 20;

export class PcapWriter {
  private readonly file: number;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private readonly view = new DataView(this.buffer.buffer);
  private used = FILE_HEADER_BYTES;
  private closed = false;

  /** Creates the file, or empties it. */
  constructor(path: string) {
    this.file = openSync(path, 'w');
    this.view.setUint32(0, MAGIC_NANOSECONDS, true);
    this.view.setUint16(4, VERSION_MAJOR, true);
    this.view.setUint16(6, VERSION_MINOR, true);
    this.view.setUint32(16, SNAP_LENGTH, true);
    this.view.setUint32(20, LINK_ETHERNET, true);
  }

  /** Appends a frame of at most 256 KiB; `seconds` since the epoch, `originalLength` where it was cut. */
  write(
    memory: Uint8Array,
    offset: number,
    length: number,
    seconds: number,
    nanoseconds: number,
    originalLength = length,
  ): void {
    if (this.used + RECORD_HEADER_BYTES + length > BUFFER_BYTES) this.flush();
    this.view.setUint32(this.used, seconds, true);
    this.view.setUint32(this.used + 4, nanoseconds, true);
    this.view.setUint32(this.used + 8, length, true);
    this.view.setUint32(this.used + 12, originalLength, true);
    const start = this.used + RECORD_HEADER_BYTES;
    for (let i = 0; i < length; i++) this.buffer[start + i] = memory[offset + i];
    this.used = start + length;
  }

  flush(): void {
    for (let written = 0; written < this.used;) {
      written += writeSync(this.file, this.buffer, written, this.used - written);
    }
    this.used = 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.flush();
    closeSync(this.file);
  }
}
