/** Builds capture files for tests: every format, byte order and link layer that is read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CapturedPacket {
  bytes: Uint8Array;
  seconds?: number;
  nanoseconds?: number;
  /** Length on the wire, where the capture has cut it. */
  length?: number;
  interface?: number;
}

export interface CaptureStyle {
  format: 'pcap' | 'pcapng' | 'pcapng-simple' | 'pcapng-old';
  bigEndian: boolean;
  /** 1e6 or 1e9. */
  unitsPerSecond: number;
  linkType: number;
}

export const ETHERNET = 1;
export const RAW = 101;
export const SLL = 113;
export const SLL2 = 276;

class ByteWriter {
  private readonly parts: Buffer[] = [];

  constructor(private readonly bigEndian: boolean) {}

  u8(...values: number[]): this {
    this.parts.push(Buffer.from(values));
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(2);
      if (this.bigEndian) part.writeUInt16BE(value);
      else part.writeUInt16LE(value);
      this.parts.push(part);
    }
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const part = Buffer.alloc(4);
      if (this.bigEndian) part.writeUInt32BE(value);
      else part.writeUInt32LE(value);
      this.parts.push(part);
    }
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.parts.push(Buffer.from(bytes));
    return this;
  }

  /** A pcapng block around what `body` writes. */
  block(type: number, body: Buffer): this {
    const padding = Buffer.alloc((4 - (body.length % 4)) % 4);
    const total = 12 + body.length + padding.length;
    return this.u32(type, total).bytes(body).bytes(padding).u32(total);
  }

  end(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** The file's bytes. */
export function captureFile(style: CaptureStyle, packets: CapturedPacket[]): Buffer {
  const writer = new ByteWriter(style.bigEndian);
  const body = () => new ByteWriter(style.bigEndian);
  if (style.format === 'pcap') {
    writer.u32(style.unitsPerSecond === 1e9 ? 0xa1b23c4d : 0xa1b2c3d4).u16(2, 4);
    writer.u32(0, 0, 262144, style.linkType);
  } else {
    writer.block(0x0a0d0d0a, body().u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff).end());
    const resolution = style.unitsPerSecond === 1e9 ? [9] : [6];
    for (let index = 0; index < 2; index++) {
      const options = body().u16(style.linkType, 0).u32(0).u16(2, 3).u8(0x76, 0x30, 0, 0);
      writer.block(
        1,
        options
          .u16(9, 1)
          .u8(...resolution, 0, 0, 0)
          .u16(0, 0)
          .end(),
      );
    }
  }
  for (const packet of packets) {
    const { bytes, seconds = 0, nanoseconds = 0, length = bytes.length } = packet;
    const fraction = Math.floor(nanoseconds / (1e9 / style.unitsPerSecond));
    if (style.format === 'pcap') {
      writer.u32(seconds, fraction, bytes.length, length).bytes(bytes);
      continue;
    }
    const units = BigInt(seconds) * BigInt(style.unitsPerSecond) + BigInt(fraction);
    const time = [Number(units >> 32n), Number(units & 0xffffffffn)];
    if (style.format === 'pcapng') {
      const head = body().u32(packet.interface ?? 0, ...time, bytes.length, length);
      writer.block(6, head.bytes(bytes).end());
    } else if (style.format === 'pcapng-old') {
      const head = body()
        .u16(packet.interface ?? 0, 0xffff)
        .u32(...time, bytes.length, length);
      writer.block(2, head.bytes(bytes).end());
    } else {
      writer.block(3, body().u32(length).bytes(bytes).end());
    }
    // Statistics between packets are none of a reader's business.
    writer.block(5, Buffer.alloc(12));
  }
  return writer.end();
}

/** A folder that is removed after the tests of the `describe` that calls this. */
export function temporaryFolder(): {
  path: (name: string) => string;
  write: (bytes: Uint8Array) => string;
} {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-capture-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = (name: string) => join(folder, name);
  const writeIn = (bytes: Uint8Array): string => {
    writeFileSync(path('in.pcap'), bytes);
    return path('in.pcap');
  };
  return { path, write: writeIn };
}
