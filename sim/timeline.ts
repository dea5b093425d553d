/**
 * Virtual time: what is to happen, in the order of its moment. Time jumps from one event to the next, so an
 * hour in which nothing happens costs nothing. Of two events at the same moment the one that was put in
 * first comes first, which makes a run a function of its seed.
 */
export type Action = () => void | Promise<void>;

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly action: Action;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export class Timeline {
  /** Milliseconds since the run began, a whole number. */
  nowMs = 0;
  /** A binary heap: the children of entry i are 2i + 1 and 2i + 2. */
  private readonly heap: Entry[] = [];
  private entered = 0;

  /** Has something happen in so many milliseconds, not before everything that is due at that moment already. */
  after(delayMs: number, action: Action): void {
    const entry = { atMs: this.nowMs + Math.ceil(delayMs), order: this.entered++, action };
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  /** Lets time pass, event by event, until `untilMs`. */
  async runUntil(untilMs: number): Promise<void> {
    while (this.heap.length > 0 && this.heap[0].atMs <= untilMs) {
      const { atMs, action } = this.takeFirst();
      this.nowMs = atMs;
      const pending = action();
      if (pending !== undefined) await pending;
    }
    this.nowMs = untilMs;
  }

  private takeFirst(): Entry {
    const { heap } = this;
    const first = heap[0];
    const last = heap[heap.length - 1];
    heap.length -= 1;
    const count = heap.length;
    if (count === 0) return first;
    let at = 0;
    for (let child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
