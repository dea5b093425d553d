/**
 * Dying at a record write. The data plane's tables are typed arrays on memory that is handed in; for the step
 * that is to be cut short every reference to one of these arrays, wherever in the data plane's objects it is
 * held, is replaced by a proxy that counts writes and, after so many, lets no other one through. What the
 * memory holds then is what a process leaves that is killed between two instructions.
 */
import type { StateMemory } from '../dataplane/state.js';

/** Thrown where the process dies. */
export class Crash extends Error {
  constructor() {
    super('the data plane dies here');
    this.name = 'Crash';
  }
}

type Words = Int32Array | Float64Array | Uint8Array;

interface Holder {
  object: Record<string, unknown>;
  key: string;
  words: Words;
}

/** One write: which array, which element. */
export interface Write {
  words: Words;
  index: number;
}

const ELEMENT = /^\d+$/;
/** What writes in ways of its own, or gives out a view that nobody watches. */
const UNWATCHED = new Set<string | symbol>(['set', 'copyWithin', 'reverse', 'sort', 'subarray']);

export class WriteTap {
  readonly writes: Write[] = [];
  hasFired = false;
  private readonly buffers: ReadonlySet<ArrayBufferLike>;
  private holders: Holder[] = [];
  private limit = Number.MAX_SAFE_INTEGER;

  /** @param root the data plane's objects: whatever can be reached from it is looked at */
  constructor(
    private readonly root: object,
    memory: StateMemory,
  ) {
    this.buffers = new Set(Object.values(memory).map(({ buffer }) => buffer));
  }

  /** Runs a step that dies after so many writes. @returns true where it died */
  async run(limit: number, step: () => unknown): Promise<boolean> {
    this.limit = limit;
    this.arm();
    try {
      await step();
    } catch (error) {
      // What dies may be caught and told in other words on its way here.
      if (!this.hasFired) throw error;
    } finally {
      this.disarm();
    }
    return this.hasFired;
  }

  private arm(): void {
    this.holders = this.findHolders();
    const proxies = new Map<Words, Words>();
    for (const { object, key, words } of this.holders) {
      let proxy = proxies.get(words);
      if (proxy === undefined) {
        proxy = this.proxyOf(words);
        proxies.set(words, proxy);
      }
      object[key] = proxy;
    }
  }

  private disarm(): void {
    for (const { object, key, words } of this.holders) object[key] = words;
    this.holders = [];
  }

  private note(words: Words, index: number): void {
    if (this.writes.length >= this.limit) {
      this.hasFired = true;
      throw new Crash();
    }
    this.writes.push({ words, index });
  }

  private proxyOf(words: Words): Words {
    const note = (index: number): void => this.note(words, index);
    const fill = (value: number, start = 0, end = words.length): void => {
      for (let i = start; i < end; i++) {
        note(i);
        words[i] = value;
      }
    };
    return new Proxy(words, {
      get(target, key) {
        if (key === 'fill') return fill;
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (!UNWATCHED.has(key)) return value.bind(target) as unknown;
        throw new TypeError(`${String(key)} of a table's words can't be watched`);
      },
      set(target, key, value) {
        if (typeof key !== 'string' || !ELEMENT.test(key)) return false;
        note(Number(key));
        target[Number(key)] = value as number;
        return true;
      },
    });
  }

  private findHolders(): Holder[] {
    const found: Holder[] = [];
    const seen = new Set<object>([this.root]);
    const look = (object: object): void => {
      for (const [key, value] of Object.entries(object)) {
        if (typeof value !== 'object' || value === null) continue;
        if (ArrayBuffer.isView(value)) {
          if (!this.buffers.has(value.buffer)) continue;
          found.push({ object: object as Record<string, unknown>, key, words: value as Words });
        } else if (!seen.has(value as object)) {
          seen.add(value as object);
        }
      }
    };
    // A set is walked in the order of insertion, also what is added on the way.
    for (const object of seen) look(object);
    return found;
  }
}
