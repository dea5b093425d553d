import assert from 'node:assert/strict';
import { Slots } from '../../../dataplane/driver/slots.js';

const USER = 1;

describe('slots of the receive rings', () => {
  let words: Int32Array;
  let slots: Slots;

  beforeEach(() => {
    words = new Int32Array(8);
    slots = new Slots(words, 2);
    slots.word[1] = 4;
    words[4] = USER;
  });

  const isTheKernels = () => words[4] === 0;

  it("are filled when the kernel says so, and aren't once they are borrowed", () => {
    assert.equal(slots.isFilled(0), false);
    assert.equal(slots.isFilled(1), true);
    slots.borrow(1);
    assert.equal(slots.isFilled(1), false);
    slots.release(1);
    assert.ok(isTheKernels());
  });

  it('go back to the kernel when both burst and queue are done with them', () => {
    slots.borrow(1);
    slots.queue(1);
    slots.release(1);
    assert.equal(isTheKernels(), false);
    assert.equal(slots.isFilled(1), false);
    slots.sent(1);
    assert.ok(isTheKernels());
  });

  it('stay borrowed when the queue is done first', () => {
    slots.borrow(1);
    slots.queue(1);
    slots.sent(1);
    assert.equal(isTheKernels(), false);
    slots.release(1);
    assert.ok(isTheKernels());
  });

  it("aren't written to any more once they are forgotten", () => {
    slots.borrow(1);
    slots.forget(0, 2);
    slots.release(1);
    assert.equal(isTheKernels(), false);
  });
});
