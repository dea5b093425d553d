/**
 * The timer wheel: when does which connection have to be looked at.
 *
 *     cursor
 *       v
 *     +----+----+----+----+ - - - +----+      one slot = 8 ticks (80 ms), 8192 slots = 655 s
 *     | .. |    | c7 |    |       | c2 |      a slot is a doubly linked list of connections
 *     +----+----+-|--+----+ - - - +----+
 *                 c9
 *
 * A packet that moves a connection's deadline later only writes the new deadline into the record: the wheel
 * looks at the connection when its old time comes and moves it on. Only a deadline that moves *earlier* needs
 * `schedule`. Deadlines beyond the wheel's reach wait in its last slot and are moved on likewise.
 */
import * as rec from './record.js';
import { ticksUntil } from '../clock.js';

const SLOT_SHIFT = 3;
const SLOT_TICKS = 1 << SLOT_SHIFT;
const SLOTS = 8192;
const SLOT_MASK = SLOTS - 1;
/** One list more, of what is to be looked at first thing. */
const AT_ONCE = SLOTS;
const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const DEADLINE = rec.W_DEADLINE;

/** `next`'s answer when nothing more is due. */
export const NOTHING_DUE = 0;
/** `next`'s answer when it has moved a connection on: ask again. */
export const MOVED_ON = -1;

export class TimerWheel {
  /** Start of the slot the cursor stands at. All slots before it are empty. */
  private cursorTick: number;
  private readonly heads = new Int32Array(SLOTS + 1);
  private readonly nextInSlot: Int32Array;
  /** Previous connection in the slot; for the first one the negative slot number - 1; 0 when in no slot. */
  private readonly previous: Int32Array;

  constructor(
    private readonly words: Int32Array,
    capacity: number,
    now: number,
  ) {
    this.nextInSlot = new Int32Array(capacity + 1);
    this.previous = new Int32Array(capacity + 1);
    this.cursorTick = now & ~(SLOT_TICKS - 1);
  }

  /** The time the wheel has reached: what fires does so at this tick. */
  get tick(): number {
    return this.cursorTick;
  }

  /** Forgets all timers, of connections up to this number. */
  clear(highWater: number): void {
    this.heads.fill(0);
    this.previous.fill(0, 0, highWater + 1);
  }

  has(connection: number): boolean {
    return this.previous[connection] !== 0;
  }

  /** (Re)places a connection according to the deadline in its record. */
  schedule(connection: number): void {
    if (this.previous[connection] !== 0) this.unlink(connection);
    const ahead = ticksUntil(this.words[connection * WORDS + DEADLINE], this.cursorTick);
    let slots = (ahead + SLOT_TICKS - 1) >> SLOT_SHIFT;
    if (slots < 1) slots = 1;
    else if (slots > SLOT_MASK) slots = SLOT_MASK;
    this.link(connection, ((this.cursorTick >> SLOT_SHIFT) + slots) & SLOT_MASK);
  }

  /** Has a connection, whose deadline must be now, looked at before all others. */
  scheduleAtOnce(connection: number): void {
    if (this.previous[connection] !== 0) this.unlink(connection);
    this.link(connection, AT_ONCE);
  }

  /** Takes a connection out of the wheel. */
  cancel(connection: number): void {
    if (this.previous[connection] !== 0) this.unlink(connection);
  }

  /**
   * The next connection whose deadline has come, taken out of the wheel; MOVED_ON after a look at one whose
   * deadline had moved; NOTHING_DUE once the wheel has reached `now`. One call looks at one connection.
   */
  next(now: number): number {
    const first = this.heads[AT_ONCE];
    if (first !== 0) return this.look(first, now);
    for (;;) {
      const head = this.heads[(this.cursorTick >> SLOT_SHIFT) & SLOT_MASK];
      if (head !== 0) return this.look(head, this.cursorTick);
      if (ticksUntil(now, this.cursorTick) < SLOT_TICKS) return NOTHING_DUE;
      this.cursorTick = (this.cursorTick + SLOT_TICKS) | 0;
    }
  }

  private look(connection: number, now: number): number {
    this.unlink(connection);
    if (ticksUntil(this.words[connection * WORDS + DEADLINE], now) <= 0) return connection;
    this.schedule(connection);
    return MOVED_ON;
  }

  private link(connection: number, slot: number): void {
    const head = this.heads[slot];
    this.nextInSlot[connection] = head;
    this.previous[connection] = -slot - 1;
    if (head !== 0) this.previous[head] = connection;
    this.heads[slot] = connection;
  }

  private unlink(connection: number): void {
    const next = this.nextInSlot[connection];
    const previous = this.previous[connection];
    if (previous < 0) this.heads[-previous - 1] = next;
    else this.nextInSlot[previous] = next;
    if (next !== 0) this.previous[next] = previous;
    this.previous[connection] = 0;
  }
}
