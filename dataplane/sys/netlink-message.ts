/**
 * Netlink messages as bytes: building requests, reading replies.
 *
 *      0               4       6       8               12              16
 *     +---------------+-------+-------+---------------+---------------+------------------------
 *     | length        | type  | flags | sequence      | port id       | body: header of the family,
 *     +---------------+-------+-------+---------------+---------------+  then attributes
 *
 *     attribute:  | length 2 | type 2 | value | padding to 4 |      length without the padding
 *
 * Numbers are in host order (little-endian); nf_tables puts network order into its attributes.
 * Sources: linux/netlink.h, Documentation/userspace-api/netlink.
 */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** Bytes of the header of every message. */
export const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

/** Length with the padding to whole words. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** Builds one message, attribute by attribute. */
export class MessageBuilder {
  private bytes: Buffer;
  private length: number;

  /** `header` is the family's fixed header, such as struct rtmsg. */
  constructor(type: number, flags: number, header: Uint8Array) {
    this.bytes = Buffer.alloc(256);
    this.length = HEADER_BYTES + aligned(header.length);
    this.bytes.writeUInt16LE(type, 4);
    this.bytes.writeUInt16LE(flags | NLM_F_REQUEST, 6);
    this.bytes.set(header, HEADER_BYTES);
  }

  attribute(type: number, value: Uint8Array): this {
    const start = this.open(type, value.length);
    this.bytes.set(value, start + ATTRIBUTE_HEADER_BYTES);
    this.length = start + aligned(ATTRIBUTE_HEADER_BYTES + value.length);
    return this.seal(start, ATTRIBUTE_HEADER_BYTES + value.length);
  }

  u32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return this.attribute(type, bytes);
  }

  /** In network order, as nf_tables wants it. */
  u32be(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    return this.attribute(type, bytes);
  }

  /** With the closing NUL that the kernel expects of a name. */
  text(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute made of attributes. */
  nest(type: number, fill: (inner: this) => void): this {
    const start = this.open(type | NLA_F_NESTED, 0);
    fill(this);
    return this.seal(start, this.length - start);
  }

  finish(sequence: number): Buffer {
    this.bytes.writeUInt32LE(this.length, 0);
    this.bytes.writeUInt32LE(sequence, 8);
    return this.bytes.subarray(0, this.length);
  }

  private open(type: number, valueLength: number): number {
    const start = this.length;
    this.reserve(aligned(ATTRIBUTE_HEADER_BYTES + valueLength));
    this.bytes.writeUInt16LE(type, start + 2);
    this.length += ATTRIBUTE_HEADER_BYTES;
    return start;
  }

  private seal(start: number, length: number): this {
    if (length > 0xffff) throw new RangeError(`netlink attribute of ${length} bytes`);
    this.bytes.writeUInt16LE(length, start);
    return this;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.alloc(2 * (this.length + more));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** A received message. `body` is borrowed: it holds only during the callback it was handed to. */
export interface Message {
  type: number;
  flags: number;
  sequence: number;
  /** Socket whose request this is about. */
  portId: number;
  body: Buffer;
}

/** Calls `visit` for each message of a datagram; stops at the first one that isn't whole. */
export function readMessages(datagram: Buffer, visit: (message: Message) => void): void {
  let offset = 0;
  while (offset + HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt32LE(offset);
    if (length < HEADER_BYTES || offset + length > datagram.length) return;
    visit({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      portId: datagram.readUInt32LE(offset + 12),
      body: datagram.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += aligned(length);
  }
}

/** Attributes by type, up to one that isn't whole. Of several with the same type the last one counts. */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  eachAttribute(bytes, (type, value) => attributes.set(type, value));
  return attributes;
}

/** The values of a list's elements: attributes that are all of the same type, in their order. */
export function readElements(bytes: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  eachAttribute(bytes, (_, value) => elements.push(value));
  return elements;
}

function eachAttribute(bytes: Buffer, visit: (type: number, value: Buffer) => void): void {
  let offset = 0;
  while (offset + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt16LE(offset);
    if (length < ATTRIBUTE_HEADER_BYTES || offset + length > bytes.length) return;
    const type = bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK;
    visit(type, bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length));
    offset += aligned(length);
  }
}

/** The text of one of these attributes, empty where there is none. */
export function textOf(attributes: ReadonlyMap<number, Buffer>, type: number): string {
  const value = attributes.get(type);
  return value === undefined ? '' : readText(value);
}

/** A name as the kernel sends it, up to its NUL. */
export function readText(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}
