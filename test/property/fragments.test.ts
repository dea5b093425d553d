import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cutPacket } from '../../dataplane/fragments/cut.js';
import { INCOMPLETE, NONSENSE, Reassembly } from '../../dataplane/fragments/reassembly.js';
import { FrameQueue } from '../../dataplane/frame-queue.js';
import { write16 } from '../../dataplane/wire/bytes.js';
import * as ipv4 from '../../dataplane/wire/ipv4.js';
import { ETHERNET, tcpFrame } from '../support/frames.js';

const NO_PIECES = new Int32Array(0);

function packet(payload: Uint8Array): Uint8Array {
  const frame = tcpFrame({
    source: '10.1.0.2',
    sourcePort: 4000,
    destination: '10.1.0.100',
    destinationPort: 80,
    flags: 0x18,
    payload,
    dontFragment: false,
  });
  return frame.subarray(ETHERNET);
}

/** The fragments of a packet, each as an array of its own. */
function cut(whole: Uint8Array, mtu: number): Uint8Array[] {
  const queue = new FrameQueue(512, 1 << 18);
  assert.ok(cutPacket(queue, whole, 0, 0, mtu, NO_PIECES, 0));
  return Array.from({ length: queue.count }, (_, i) =>
    queue.memory.slice(queue.offset[i], queue.offset[i] + queue.length[i]),
  );
}

function reassembled(reassembly: Reassembly, ip: number): Uint8Array {
  return reassembly.memory.slice(ip, ip + ipv4.totalLength(reassembly.memory, ip));
}

const payload = fc.uint8Array({ minLength: 100, maxLength: 2000 });
const mtu = fc.integer({ min: 68, max: 600 });

describe('fragments', () => {
  it('come together again in any order, with copies of some, byte for byte', () => {
    fc.assert(
      fc.property(payload, mtu, fc.infiniteStream(fc.nat()), (bytes, size, random) => {
        const whole = packet(bytes);
        const pieces = cut(whole, size);
        for (const piece of pieces) {
          assert.equal(ipv4.checkHeader(piece, 0, piece.length), ipv4.HEADER_OK);
          assert.ok(piece.length <= size);
        }
        const order = pieces.map((piece) => ({ piece, key: random.next().value as number }));
        order.sort((a, b) => a.key - b.key);
        const reassembly = new Reassembly();
        for (const [i, { piece }] of order.entries()) {
          const answer = reassembly.add(piece, 0, 0);
          if (i < order.length - 1) {
            assert.equal(answer, INCOMPLETE);
            // The same again changes nothing.
            assert.equal(reassembly.add(piece, 0, 0), INCOMPLETE);
          } else if (pieces.length > 1) {
            assert.deepEqual(reassembled(reassembly, answer), whole);
            assert.equal(reassembly.largestFragment, Math.max(...pieces.map((p) => p.length)));
            assert.equal(reassembly.pending, 0);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are counted where they wait in vain: for want of room, and of time', () => {
    const reassembly = new Reassembly();
    const [first] = cut(packet(new Uint8Array(3000)), 1500);
    for (let identification = 0; identification < 1000; identification++) {
      first.set([identification >> 8, identification], 4);
      assert.equal(reassembly.add(first, 0, identification), INCOMPLETE);
    }
    assert.equal(reassembly.pending, reassembly.capacity);
    assert.equal(reassembly.takeDiscarded(), 1000 - reassembly.capacity);
    assert.equal(reassembly.takeDiscarded(), 0);
    first.set([0xff, 0xff], 4);
    reassembly.add(first, 0, 1000 + 31 * 100);
    assert.equal(reassembly.takeDiscarded(), reassembly.capacity);
    assert.equal(reassembly.pending, 1);
  });

  it('are refused and forgotten when they overlap or contradict each other', () => {
    fc.assert(
      fc.property(payload, mtu, fc.nat(), (bytes, size, which) => {
        const pieces = cut(packet(bytes), size);
        if (pieces.length < 3) return;
        const victim = which % (pieces.length - 1);
        const reassembly = new Reassembly();
        for (const piece of pieces.slice(0, -1)) reassembly.add(piece, 0, 0);
        // One of the middle again, eight bytes shorter at its front.
        const overlapping = pieces[victim].slice();
        const field = ipv4.fragmentField(overlapping, 0);
        write16(overlapping, 6, field + 1);
        write16(overlapping, 2, overlapping.length - 8);
        if (overlapping.length - 8 <= 28) return;
        assert.equal(reassembly.add(overlapping, 0, 0), NONSENSE);
        assert.equal(reassembly.pending, 0);
        assert.equal(reassembly.add(pieces[pieces.length - 1], 0, 0), INCOMPLETE);
      }),
      { numRuns: 300 },
    );
  });

  it('of any bytes never break anything and never wait beyond bounds', () => {
    const reassembly = new Reassembly();
    let now = 0;
    fc.assert(
      fc.property(
        fc.record({
          id: fc.nat(500),
          offset: fc.nat(0x1fff),
          more: fc.boolean(),
          length: fc.integer({ min: 0, max: 1480 }),
          pass: fc.nat(300),
        }),
        ({ id, offset, more, length, pass }) => {
          now = (now + pass) | 0;
          const bytes = new Uint8Array(20 + length);
          const field = offset | (more ? ipv4.FLAG_MORE_FRAGMENTS : 0);
          ipv4.writeHeader(bytes, 0, 0, bytes.length, id, field, 64, 6, 1, 2);
          const answer = reassembly.add(bytes, 0, now);
          if (answer > 0) {
            const total = ipv4.totalLength(reassembly.memory, answer);
            assert.equal(ipv4.checkHeader(reassembly.memory, answer, total), ipv4.HEADER_OK);
          }
          assert.ok(reassembly.pending <= 64);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('are given up after half a minute', () => {
    const [first, ...rest] = cut(packet(new Uint8Array(1000)), 500);
    const reassembly = new Reassembly();
    assert.equal(reassembly.add(first, 0, 0), INCOMPLETE);
    for (const piece of rest) assert.equal(reassembly.add(piece, 0, 3001), INCOMPLETE);
  });

  it('keep options that are to be copied and blank the others', () => {
    // Security (copied), then record route (not copied).
    const options = Uint8Array.of(0x82, 4, 1, 2, 0x07, 7, 4, 9, 9, 9, 9, 0);
    const plain = packet(new Uint8Array(200));
    const whole = new Uint8Array(plain.length + options.length);
    whole.set(plain.subarray(0, 20));
    whole.set(options, 20);
    whole.set(plain.subarray(20), 20 + options.length);
    whole[0] = 0x48;
    write16(whole, 2, whole.length);
    ipv4.updateHeaderChecksum(whole, 0);
    const [first, second] = cut(whole, 120);
    assert.deepEqual(first.subarray(20, 32), options);
    assert.deepEqual(second.subarray(20, 32), Uint8Array.of(0x82, 4, 1, 2, 1, 1, 1, 1, 1, 1, 1, 0));
  });
});
