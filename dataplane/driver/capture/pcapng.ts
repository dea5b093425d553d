/**
 * pcapng: blocks, each of them its type, its total length, a body padded to 4 bytes and the length again.
 *
 *     section header   0a0d0d0a  byte order of what follows; forgets the interfaces
 *     interface        1         link type, snap length, options: resolution and offset of times
 *     packet           6         interface, time (two words), captured length, length, bytes
 *     packet, simple   3         length, bytes; no time
 *     packet, old      2         as 6, the interface in half a word
 *
 * Other blocks are passed over. draft-ietf-opsawg-pcapng.
 */
import { CaptureReader, PACKET_MAX_BYTES } from './reader.js';

export const BLOCK_SECTION = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
const BLOCK_OLD_PACKET = 2;
const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_PACKET = 6;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const BLOCK_MIN_BYTES = 12;
const BLOCK_HEADER_BYTES = 8;
const TRAILER_BYTES = 4;
const PACKET_HEADER_BYTES = 28;
const SIMPLE_HEADER_BYTES = 12;
/** Offsets in a packet block. */
const INTERFACE_OFFSET = 8;
const TIME_OFFSET = 12;
const CAPTURED_OFFSET = 20;
const LENGTH_OFFSET = 24;
/** Offsets in an interface block. */
const LINK_TYPE_OFFSET = 8;
const SNAP_LENGTH_OFFSET = 12;
const OPTIONS_OFFSET = 16;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_TIME_OFFSET = 14;

/** Largest block that describes something: room for long comments. */
const DESCRIPTION_MAX_BYTES = 65_536;
const NANOSECONDS_PER_SECOND = 1e9;

interface CaptureInterface {
  linkType: number;
  snapLength: number;
  unitsPerSecond: number;
  offsetSeconds: number;
}

export class PcapngReader extends CaptureReader {
  private interfaces: CaptureInterface[] = [];

  next(keep: boolean): boolean {
    const { window } = this;
    for (;;) {
      if (!this.have(BLOCK_MIN_BYTES, keep, 'a block')) return false;
      const type = this.word(window.position);
      if (type === BLOCK_SECTION) this.readByteOrder();
      const total = this.word(window.position + 4);
      this.checkTotal(type, total);
      if (!isRead(type)) {
        if (keep && total > window.available) return false;
        if (!window.skip(total)) throw this.damaged('a block is cut off');
        continue;
      }
      if (!this.have(total, keep, 'a block')) return false;
      const block = window.position;
      window.position += total;
      if (type === BLOCK_SECTION) this.interfaces = [];
      else if (type === BLOCK_INTERFACE) this.describeInterface(block, total);
      else if (this.readPacket(block, total, type)) return true;
    }
  }

  private readByteOrder(): void {
    const place = this.window.position + BLOCK_HEADER_BYTES;
    this.bigEndian = false;
    if (this.word(place) === BYTE_ORDER_MAGIC) return;
    this.bigEndian = true;
    if (this.word(place) !== BYTE_ORDER_MAGIC) throw this.damaged('a section without byte order');
  }

  private checkTotal(type: number, total: number): void {
    let most = Number.MAX_SAFE_INTEGER;
    if (type === BLOCK_SECTION || type === BLOCK_INTERFACE) most = DESCRIPTION_MAX_BYTES;
    else if (isRead(type)) most = PACKET_MAX_BYTES + DESCRIPTION_MAX_BYTES;
    if (total < BLOCK_MIN_BYTES || total > most || total % 4 !== 0) {
      throw this.damaged(`a block of ${total} bytes`);
    }
  }

  private describeInterface(block: number, total: number): void {
    const described: CaptureInterface = {
      linkType: this.half(block + LINK_TYPE_OFFSET),
      snapLength: this.word(block + SNAP_LENGTH_OFFSET) || PACKET_MAX_BYTES,
      unitsPerSecond: 1e6,
      offsetSeconds: 0,
    };
    const end = block + total - TRAILER_BYTES;
    for (let option = block + OPTIONS_OFFSET; option + 4 <= end;) {
      const length = this.half(option + 2);
      const next = option + 4 + Math.ceil(length / 4) * 4;
      if (next > end) break;
      this.readOption(this.half(option), option + 4, length, described);
      option = next;
    }
    this.interfaces.push(described);
  }

  private readOption(
    code: number,
    value: number,
    length: number,
    described: CaptureInterface,
  ): void {
    if (code === OPTION_TIME_RESOLUTION && length === 1) {
      const exponent = this.memory[value];
      described.unitsPerSecond = exponent < 128 ? 10 ** exponent : 2 ** (exponent - 128);
    } else if (code === OPTION_TIME_OFFSET && length === 8) {
      const high = this.word(this.bigEndian ? value : value + 4);
      const low = this.word(this.bigEndian ? value + 4 : value);
      described.offsetSeconds = (high | 0) * 2 ** 32 + low;
    }
  }

  /** Takes a packet block apart. False if the packet is to be passed over. */
  private readPacket(block: number, total: number, type: number): boolean {
    const isSimple = type === BLOCK_SIMPLE_PACKET;
    const header = isSimple ? SIMPLE_HEADER_BYTES : PACKET_HEADER_BYTES;
    const room = total - header - TRAILER_BYTES;
    if (room < 0) throw this.damaged(`a packet block of ${total} bytes`);
    let index = 0;
    if (type === BLOCK_PACKET) index = this.word(block + INTERFACE_OFFSET);
    else if (type === BLOCK_OLD_PACKET) index = this.half(block + INTERFACE_OFFSET);
    if (index >= this.interfaces.length) {
      throw this.damaged(`a packet of interface ${index}, which is not described`);
    }
    const described = this.interfaces[index];
    const bytes = block + header;
    if (isSimple) {
      const length = this.word(block + BLOCK_HEADER_BYTES);
      const captured = this.checkLength(Math.min(length, described.snapLength, room));
      this.setTime(0, 0, described);
      return this.found(bytes, captured, length, index, described.linkType);
    }
    const captured = this.checkLength(this.word(block + CAPTURED_OFFSET));
    if (captured > room) throw this.damaged(`a packet of ${captured} bytes in a block of ${total}`);
    const length = this.word(block + LENGTH_OFFSET);
    this.setTime(this.word(block + TIME_OFFSET), this.word(block + TIME_OFFSET + 4), described);
    return this.found(bytes, captured, length, index, described.linkType);
  }

  /** A time of 64 bits in the interface's units, divided digit by digit of 16 bits, which stays exact. */
  private setTime(high: number, low: number, described: CaptureInterface): void {
    const units = described.unitsPerSecond;
    const first = (high % units) * 0x10000 + (low >>> 16);
    const second = (first % units) * 0x10000 + (low & 0xffff);
    this.seconds =
      Math.floor(high / units) * 2 ** 32 +
      Math.floor(first / units) * 0x10000 +
      Math.floor(second / units) +
      described.offsetSeconds;
    this.nanoseconds = Math.floor((second % units) * (NANOSECONDS_PER_SECOND / units));
  }
}

function isRead(type: number): boolean {
  return (
    type === BLOCK_SECTION ||
    type === BLOCK_INTERFACE ||
    type === BLOCK_PACKET ||
    type === BLOCK_SIMPLE_PACKET ||
    type === BLOCK_OLD_PACKET
  );
}
