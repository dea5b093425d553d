import assert from 'node:assert/strict';
import { SeededRandom } from '../../dataplane/driver/random.js';
import { Segmenter } from '../../dataplane/fragments/segments.js';

/** `npm run test:segments` takes a million. */
const SUPER_SEGMENTS = Number(process.env.UVS_SUPER_SEGMENTS ?? 5000);
const SEED = Number(process.env.UVS_SEED ?? 20_261_122);

const LINK_BYTES = 14;
const IP_BYTES_MAX = 60;
const TCP_BYTES_MAX = 60;
const PACKET_BYTES_MAX = 65_535;
const POOL_BYTES = 1 << 18;
const AT = 70_000;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;

/** Cut super-segments are put together by a receiver that knows nothing of the code that cuts. */
describe(`${SUPER_SEGMENTS} super-segments (seed ${SEED})`, () => {
  it('arrive byte for byte as they were sent, in segments that are right in themselves', function () {
    this.timeout(0);
    const random = new SeededRandom(SEED);
    const pool = Buffer.alloc(POOL_BYTES);
    for (let i = 0; i < POOL_BYTES; i++) pool[i] = random.below(256);
    const memory = new Uint8Array(2 * AT);
    const segmenter = new Segmenter(memory);
    const received = Buffer.alloc(PACKET_BYTES_MAX);
    for (let i = 0; i < SUPER_SEGMENTS; i++) {
      const sent = makeSuperSegment(random, pool);
      memory.set(sent.bytes);
      segmenter.begin(0, LINK_BYTES, sent.segmentBytes);
      const count = receiveAll(segmenter, memory, sent, received);
      assert.equal(count, Math.ceil(sent.payloadBytes / sent.segmentBytes), `number ${i}`);
      const { bytes, payloadBytes } = sent;
      const payload = bytes.subarray(bytes.length - payloadBytes);
      assert.ok(payload.equals(received.subarray(0, payloadBytes)), `payload of number ${i}`);
    }
  });
});

interface SuperSegment {
  bytes: Buffer;
  ipBytes: number;
  tcpBytes: number;
  payloadBytes: number;
  segmentBytes: number;
}

function makeSuperSegment(random: SeededRandom, pool: Buffer): SuperSegment {
  const ipBytes = 20 + 4 * (random.chance(0.9) ? 0 : random.below(11));
  const tcpBytes = 20 + 4 * (random.chance(0.5) ? 3 : random.below(11));
  const segmentBytes = random.chance(0.5) ? 1448 : 1 + random.below(9000);
  const room = PACKET_BYTES_MAX - ipBytes - tcpBytes;
  // Of every size, and not too many of the largest: half of them are no longer than a few segments.
  const most = Math.min(room, random.chance(0.5) ? 4 * segmentBytes : room);
  const atMost200 = segmentBytes * 200;
  const payloadBytes = 1 + random.below(Math.min(most, atMost200));
  const length = LINK_BYTES + ipBytes + tcpBytes + payloadBytes;
  const start = random.below(POOL_BYTES - length);
  const bytes = Buffer.from(pool.subarray(start, start + length));
  bytes.writeUInt16BE(0x0800, 12);
  bytes[LINK_BYTES] = 0x40 | (ipBytes / 4);
  bytes.writeUInt16BE(length - LINK_BYTES, LINK_BYTES + 2);
  bytes.writeUInt16BE(0x4000, LINK_BYTES + 6);
  bytes[LINK_BYTES + 9] = 6;
  bytes[LINK_BYTES + ipBytes + 12] = (tcpBytes / 4) << 4;
  return { bytes, ipBytes, tcpBytes, payloadBytes, segmentBytes };
}

/** Puts the payload together by sequence number; returns the number of segments. */
function receiveAll(
  segmenter: Segmenter,
  memory: Uint8Array,
  sent: SuperSegment,
  received: Buffer,
): number {
  let count = 0;
  let nextByte = 0;
  for (;;) {
    memory.fill(0xa5, AT, AT + LINK_BYTES + IP_BYTES_MAX + TCP_BYTES_MAX);
    const length = segmenter.next(AT);
    if (length === 0) return count;
    const segment = Buffer.from(memory.buffer, AT, length);
    const payloadBytes = checkSegment(segment, sent, nextByte, count);
    segment.copy(received, nextByte, length - payloadBytes);
    nextByte += payloadBytes;
    count += 1;
  }
}

/** Returns the bytes of payload. */
function checkSegment(
  segment: Buffer,
  sent: SuperSegment,
  firstByte: number,
  index: number,
): number {
  const { bytes, ipBytes, tcpBytes, segmentBytes } = sent;
  const tcp = LINK_BYTES + ipBytes;
  const payloadBytes = segment.length - tcp - tcpBytes;
  const isLast = firstByte + payloadBytes === sent.payloadBytes;
  assert.equal(payloadBytes, isLast ? Math.min(payloadBytes, segmentBytes) : segmentBytes);
  const expected = Buffer.from(bytes.subarray(0, tcp + tcpBytes));
  expected.writeUInt16BE(segment.length - LINK_BYTES, LINK_BYTES + 2);
  expected.writeUInt16BE((bytes.readUInt16BE(LINK_BYTES + 4) + index) & 0xffff, LINK_BYTES + 4);
  expected.writeUInt32BE((bytes.readUInt32BE(tcp + 4) + firstByte) >>> 0, tcp + 4);
  if (!isLast) expected[tcp + 13] &= ~(FIN | PSH);
  if (index > 0) expected[tcp + 13] &= ~CWR;
  // Checksums are judged by what they sum up to.
  for (const field of [LINK_BYTES + 10, tcp + 16]) {
    segment.copy(expected, field, field, field + 2);
  }
  assert.ok(expected.equals(segment.subarray(0, expected.length)), `header of segment ${index}`);
  const pseudo = sum(segment, LINK_BYTES + 12, LINK_BYTES + 20) + 6 + segment.length - tcp;
  assert.equal(sum(segment, LINK_BYTES, tcp) % 0xffff, 0, 'IP checksum');
  assert.equal((pseudo + sum(segment, tcp, segment.length)) % 0xffff, 0, 'TCP checksum');
  return payloadBytes;
}

function sum(bytes: Buffer, start: number, end: number): number {
  let total = 0;
  for (let i = start; i < end; i++) total += (i - start) % 2 === 0 ? bytes[i] << 8 : bytes[i];
  return total;
}
