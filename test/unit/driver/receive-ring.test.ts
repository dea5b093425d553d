import assert from 'node:assert/strict';
import { Burst } from '../../../dataplane/driver/driver.js';
import { ReceiveRing } from '../../../dataplane/driver/receive-ring.js';
import { Slots } from '../../../dataplane/driver/slots.js';
import { noStats, type PortStats } from '../../../dataplane/driver/stats.js';

const SLOT_WORDS = 64;
const MAC_OFFSET = 100;
const USER = 1;
const VLAN = 1 << 4;
const OTHER_HOST = 3;

interface Arrival {
  seconds?: number;
  nanoseconds?: number;
  length?: number;
  captured?: number;
  status?: number;
  packetType?: number;
}

describe('a receive ring', () => {
  let words: Int32Array;
  let memory: Uint8Array;
  let slots: Slots;
  let stats: PortStats;
  let burst: Burst;

  beforeEach(() => {
    words = new Int32Array(8 * SLOT_WORDS);
    memory = new Uint8Array(words.buffer);
    slots = new Slots(words, 8);
    slots.word.forEach((_, slot) => (slots.word[slot] = slot * SLOT_WORDS));
    stats = noStats();
    burst = new Burst();
  });

  /** Two rings of four slots each. */
  const ring = (number: number) => new ReceiveRing(5, memory, words, slots, number * 4, 4, stats);

  /** What the kernel does when a frame comes. */
  function arrive(slot: number, frame: Arrival = {}): void {
    const { seconds = 0, nanoseconds = 0, length = 60, captured = length } = frame;
    const { status = USER, packetType = 0 } = frame;
    words.set([status, length, captured, MAC_OFFSET, seconds, nanoseconds], slot * SLOT_WORDS);
    memory[slot * SLOT_WORDS * 4 + 42] = packetType;
  }

  function isFirstBefore(first: Arrival, second: Arrival): boolean {
    arrive(0, first);
    arrive(4, second);
    return ring(0).isBefore(ring(1));
  }

  it('describes a frame where it lies', () => {
    arrive(0, { length: 77 });
    const frame = MAC_OFFSET;
    memory.set([1, 1, 54, 0, 0xa8, 5], frame - 10);
    assert.equal(ring(0).take(burst, 3), true);
    assert.deepEqual(
      [burst.port[3], burst.offset[3], burst.length[3], burst.offload[3], burst.slot[3]],
      [5, frame, 77, (1448 << 16) | 1, 0],
    );
  });

  it('goes round, and stops where the kernel has filled nothing', () => {
    const first = ring(0);
    for (let i = 0; i < 6; i++) {
      assert.equal(first.isReady(), false);
      arrive(i % 4);
      assert.equal(first.isReady(), true);
      first.take(burst, 0);
      assert.equal(burst.slot[0], i % 4);
      slots.release(burst.slot[0]);
    }
    assert.equal(stats.receivedFrames, 6);
  });

  it('gives frames that are not for us straight back', () => {
    const first = ring(0);
    arrive(0, { status: USER | VLAN });
    arrive(1, { packetType: OTHER_HOST });
    assert.deepEqual([first.take(burst, 0), first.take(burst, 0)], [false, false]);
    assert.deepEqual([words[0], words[SLOT_WORDS]], [0, 0]);
    assert.deepEqual(stats, noStats());
  });

  it('counts a frame that was cut off', () => {
    arrive(0, { length: 3000, captured: 2000 });
    assert.equal(ring(0).take(burst, 0), false);
    assert.equal(stats.ringDrops, 1);
  });

  it('knows which frame came first', () => {
    const early = { seconds: 7, nanoseconds: 999_999_999 };
    const late = { seconds: 8, nanoseconds: 5 };
    const later = { seconds: 8, nanoseconds: 6 };
    assert.equal(isFirstBefore(early, late), true);
    assert.equal(isFirstBefore(late, early), false);
    assert.equal(isFirstBefore(late, later), true);
    assert.equal(isFirstBefore(later, late), false);
    // Seconds beyond 2038 as uint32.
    assert.equal(isFirstBefore({ seconds: 0x7fff_ffff }, { seconds: 0x8000_0000 | 0 }), true);
  });
});
