/**
 * Who has which slot of the receive rings: the kernel, which fills it; a burst, which borrows it; a send
 * queue, which sends from it. A slot that neither a burst nor a queue needs goes back to the kernel, in
 * whatever order that happens. The kernel waits at the first slot it hasn't got, so a send path without room
 * holds the receive rings back.
 *
 * Slots are numbered through all rings.
 */
import { STATUS_USER, STATUS_WORD } from './tpacket.js';

const BORROWED = 1;
const QUEUED = 2;
const STATUS = STATUS_WORD;
const USER = STATUS_USER;

/**
 * The status word is written last by the kernel and must be read first, and the other way round when a slot
 * is given back. x86-64 keeps that order by itself; elsewhere it takes Atomics, which cost a call.
 */
const KEEPS_ORDER = process.arch === 'x64';

export class Slots {
  /** By slot: its first word in memory. */
  readonly word: Int32Array;
  private readonly users: Uint8Array;

  constructor(
    private readonly words: Int32Array,
    slots: number,
  ) {
    this.word = new Int32Array(slots);
    this.users = new Uint8Array(slots);
  }

  /** True where there is a frame that nobody has borrowed yet. */
  isFilled(slot: number): boolean {
    if (this.users[slot] !== 0) return false;
    const at = this.word[slot] + STATUS;
    const status = KEEPS_ORDER ? this.words[at] : Atomics.load(this.words, at);
    return (status & USER) !== 0;
  }

  borrow(slot: number): void {
    this.users[slot] = BORROWED;
  }

  /** A send queue needs the slot too. */
  queue(slot: number): void {
    this.users[slot] |= QUEUED;
  }

  /** The burst doesn't need the slot any more. */
  release(slot: number): void {
    this.leave(slot, BORROWED);
  }

  /** The send queue doesn't need the slot any more. */
  sent(slot: number): void {
    this.leave(slot, QUEUED);
  }

  /** Gives a filled slot back whose frame nobody wants. */
  skip(slot: number): void {
    const at = this.word[slot] + STATUS;
    if (KEEPS_ORDER) this.words[at] = 0;
    else Atomics.store(this.words, at, 0);
  }

  /** Forgets who had the slots from `from` on and before `to`: their ring is gone. */
  forget(from: number, to: number): void {
    this.users.fill(0, from, to);
  }

  private leave(slot: number, user: number): void {
    const users = this.users[slot];
    if (users === 0) return;
    this.users[slot] = users & ~user;
    if (users === user) this.skip(slot);
  }
}
