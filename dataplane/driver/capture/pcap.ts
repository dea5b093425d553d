/**
 * pcap: a file header, then a header and the bytes of one packet after the other.
 *
 *     file    0        4                   20          24         packet   0         4          8          12
 *            +--------+- - - - - - - - - -+-----------+                   +---------+----------+----------+--------+- - -
 *            | magic  | version, snaplen  | link type |                   | seconds | fraction | captured | length | bytes
 *            +--------+- - - - - - - - - -+-----------+                   +---------+----------+----------+--------+- - -
 *
 * The magic tells byte order and unit of the fraction. draft-ietf-opsawg-pcap.
 */
import { isSupportedLink } from './link.js';
import { CaptureReader } from './reader.js';
import type { CaptureWindow } from './window.js';

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER_BYTES = 24;
const LINK_TYPE_OFFSET = 20;
/** The upper half of the link type field says other things. */
const LINK_TYPE_MASK = 0xffff;

const RECORD_HEADER_BYTES = 16;
const FRACTION_OFFSET = 4;
const CAPTURED_OFFSET = 8;
const LENGTH_OFFSET = 12;
const NANOSECONDS_PER_MICROSECOND = 1000;

export class PcapReader extends CaptureReader {
  private readonly nanosecondsPerUnit: number;
  private readonly linkType: number;

  constructor(path: string, window: CaptureWindow) {
    super(path, window);
    const header = window.position;
    this.bigEndian = !this.isMagic(this.word(header));
    if (!this.isMagic(this.word(header))) throw this.damaged('neither a pcap nor a pcapng file');
    if (!window.fill(FILE_HEADER_BYTES)) throw this.damaged('the file header is cut off');
    const isNanoseconds = this.word(header) === MAGIC_NANOSECONDS;
    this.nanosecondsPerUnit = isNanoseconds ? 1 : NANOSECONDS_PER_MICROSECOND;
    this.linkType = this.word(header + LINK_TYPE_OFFSET) & LINK_TYPE_MASK;
    if (!isSupportedLink(this.linkType)) {
      throw this.damaged(
        `link type ${this.linkType} is not supported; Ethernet (1), raw IP (101) and ` +
          'Linux cooked captures (113, 276) are',
      );
    }
    window.position += FILE_HEADER_BYTES;
  }

  next(keep: boolean): boolean {
    const { window } = this;
    for (;;) {
      if (!this.have(RECORD_HEADER_BYTES, keep, 'a record')) return false;
      const captured = this.checkLength(this.word(window.position + CAPTURED_OFFSET));
      if (!this.have(RECORD_HEADER_BYTES + captured, keep, 'a record')) return false;
      const record = window.position;
      const bytes = record + RECORD_HEADER_BYTES;
      this.seconds = this.word(record);
      this.nanoseconds = this.word(record + FRACTION_OFFSET) * this.nanosecondsPerUnit;
      const length = this.word(record + LENGTH_OFFSET);
      window.position = bytes + captured;
      if (this.found(bytes, captured, length, 0, this.linkType)) return true;
    }
  }

  private isMagic(word: number): boolean {
    return word === MAGIC_MICROSECONDS || word === MAGIC_NANOSECONDS;
  }
}
