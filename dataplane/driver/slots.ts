/**
 * Who has which slot of the receive rings. A slot that is neither borrowed by a burst nor queued for sending
 * goes back to the kernel, in whatever order that happens; the kernel waits at the first slot it hasn't got,
 * which is how a send path without room holds the receive rings back.
 *
 * Slots are numbered through all rings.
 */
import { STATUS_WORD } from './tpacket.js';

const BORROWED = 1;
const QUEUED = 2;

export class Slots {
  /** By slot: its first word in memory. */
  readonly word: Int32Array;
  private readonly use: Uint8Array;

  constructor(
    private readonly words: Int32Array,
    slots: number,
  ) {
    this.word = new Int32Array(slots);
    this.use = new Uint8Array(slots);
  }

  isOurs(slot: number): boolean {
    return this.use[slot] !== 0;
  }

  borrow(slot: number): void {
    this.use[slot] |= BORROWED;
  }

  queue(slot: number): void {
    this.use[slot] |= QUEUED;
  }

  /** The burst is done with the slot. */
  release(slot: number): void {
    this.drop(slot, BORROWED);
  }

  /** The send queue is done with the slot. */
  sent(slot: number): void {
    this.drop(slot, QUEUED);
  }

  /** Forgets whose the slots from `from` on and before `to` were: their ring is gone. */
  forget(from: number, to: number): void {
    this.use.fill(0, from, to);
  }

  private drop(slot: number, user: number): void {
    if (this.use[slot] === 0) return;
    this.use[slot] &= ~user;
    // Not a plain store: it mustn't become visible before what was read from the slot has been read.
    if (this.use[slot] === 0) Atomics.store(this.words, this.word[slot] + STATUS_WORD, 0);
  }
}
