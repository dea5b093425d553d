/** Capture files to begin with: both formats, both byte orders, every link layer that is read, every block. */
import { write16 } from '../../dataplane/wire/bytes.js';
import { Random } from '../../sim/random.js';
import { segment } from '../frames/frame-maker.js';

const ETHERNET = 1;
const RAW = 101;
const COOKED = 113;
const COOKED_2 = 276;
const SNAP_LENGTH = 262_144;
const SECONDS = 1_700_000_000;
const MAGICS = [0xa1b2c3d4, 0xa1b23c4d];

export function captureSeeds(): Uint8Array[] {
  return [true, false].flatMap((isLittleEndian) =>
    [ETHERNET, RAW, COOKED, COOKED_2].flatMap((link) => [
      ...MAGICS.map((magic) => pcap(magic, link, isLittleEndian)),
      pcapng(link, isLittleEndian),
    ]),
  );
}

/** A packet as that link layer has it. */
function packetOf(link: number, number: number): Uint8Array {
  const ends = {
    source: 0x0a010002,
    sourcePort: 4000,
    destination: 0x0a010064,
    destinationPort: 80,
  };
  const ip = segment(ends, new Random(number)).subarray(14, 14 + 60);
  const header = new Uint8Array({ [ETHERNET]: 14, [COOKED]: 16, [COOKED_2]: 20 }[link] ?? 0);
  if (link === ETHERNET) write16(header, 12, 0x0800);
  if (link === COOKED) write16(header, 14, 0x0800);
  if (link === COOKED_2) write16(header, 0, 0x0800);
  return Uint8Array.from([...header, ...ip]);
}

/** Words of 32 bits; a Uint8Array among them stands as it is, filled up to words. */
function words(
  parts: readonly (number | Uint8Array)[],
  isLittleEndian: boolean,
  isPadded: boolean,
): Uint8Array {
  const bytes: number[] = [];
  for (const part of parts) {
    if (typeof part !== 'number') bytes.push(...part);
    else {
      const word = [part >>> 24, (part >>> 16) & 0xff, (part >>> 8) & 0xff, part & 0xff];
      bytes.push(...(isLittleEndian ? word.toReversed() : word));
    }
    if (isPadded) bytes.push(...[0, 0, 0].slice(0, -bytes.length & 3));
  }
  return Uint8Array.from(bytes);
}

function pcap(magic: number, link: number, isLittleEndian: boolean): Uint8Array {
  const version = isLittleEndian ? 0x00040002 : 0x00020004;
  const parts: (number | Uint8Array)[] = [magic, version, 0, 0, SNAP_LENGTH, link];
  for (let number = 0; number < 3; number++) {
    const packet = packetOf(link, number);
    parts.push(SECONDS, number, packet.length, packet.length + number, packet);
  }
  return words(parts, isLittleEndian, false);
}

/** Section, two interfaces with options, packets in all three kinds of blocks, one that is passed over. */
function pcapng(link: number, isLittleEndian: boolean): Uint8Array {
  const block = (type: number, ...parts: (number | Uint8Array)[]): Uint8Array => {
    const body = words(parts, isLittleEndian, true);
    return words([type, body.length + 12, body, body.length + 12], isLittleEndian, true);
  };
  const halves = (first: number, second: number): number =>
    isLittleEndian ? first | (second << 16) : (first << 16) | second;
  const packet = packetOf(link, 1);
  const time = [0x60000, 0x12345678];
  const options = [halves(9, 1), Uint8Array.of(9), halves(14, 8), 0, 1, halves(0, 0)];
  return Uint8Array.from([
    ...block(0x0a0d0d0a, 0x1a2b3c4d, halves(1, 0), -1, -1),
    ...block(1, halves(link, 0), SNAP_LENGTH, ...options),
    ...block(1, halves(link, 0), 96),
    ...block(6, 0, ...time, packet.length, packet.length, packet),
    ...block(5, 0, 0, 0),
    ...block(3, packet.length, packet),
    ...block(2, halves(1, 0), ...time, packet.length, packet.length, packet),
  ]);
}
