/**
 * The data plane's end of the memory by which the kernel opens connections (openings-layout.ts). Addresses, ports and
 * differences of checksums are as in the packet.
 */
import { STIRRING_FACTOR } from './flow-hash.js';
import * as at from './openings-layout.js';

const COUNTER_MAX = 255;
const BITS = 32;

/** No opening was there to be taken. */
export const NO_OPENING = 0;

/** The queue that a service has, if it has one. */
export function queueOf(virtual: number, port: number): number {
  return Math.imul(virtual ^ port, STIRRING_FACTOR) >>> (BITS - at.QUEUES_BITS);
}

export function clientPlace(address: number): number {
  return Math.imul(address, STIRRING_FACTOR) >>> (BITS - at.CLIENTS_BITS);
}

/** Which counter is that of a flow's ends; see FlowTable.hash. */
export function occupiedCounter(hash: number): number {
  return hash >>> at.OCCUPIED_SHIFT;
}

export class OpeningTable {
  private readonly words: Int32Array;
  readonly bytes: Uint8Array;
  private readonly occupied: Uint8Array;

  /** @throws RangeError where the memory has another size */
  constructor(words: Int32Array) {
    if (words.length !== at.ELEMENTS * at.ELEMENT_WORDS)
      throw new RangeError('no table of openings');
    this.words = words;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.occupied = this.bytes.subarray(at.OCCUPIED_AT * at.ELEMENT_BYTES);
  }

  /** A connection with these ends is in the way of a new one. */
  occupy(hash: number): void {
    const counter = occupiedCounter(hash);
    if (this.occupied[counter] < COUNTER_MAX) this.occupied[counter]++;
  }

  /** It isn't any more. A counter that has been full stays so: nobody knows how many there were. */
  vacate(hash: number): void {
    const counter = occupiedCounter(hash);
    const count = this.occupied[counter];
    if (count > 0 && count < COUNTER_MAX) this.occupied[counter]--;
  }

  vacateAll(): void {
    this.occupied.fill(0);
  }

  /** Begins to write the way to a client; `validateClient` ends it. Returns where its way is to be written, a word's number. */
  replaceClient(address: number): number {
    const base = clientPlace(address) * at.ELEMENT_WORDS;
    Atomics.store(this.words, base + at.VALID_GENERATION, 0);
    this.words[base + at.CLIENT_ADDRESS] = address;
    return base + at.CLIENT_WAY;
  }

  validateClient(address: number, generation: number): void {
    const base = clientPlace(address) * at.ELEMENT_WORDS;
    Atomics.store(this.words, base + at.VALID_GENERATION, generation);
  }

  /** True where the kernel knows the way to a client. */
  isClientKnown(address: number, generation: number): boolean {
    const base = clientPlace(address) * at.ELEMENT_WORDS;
    const { words } = this;
    return (
      words[base + at.VALID_GENERATION] === generation &&
      words[base + at.CLIENT_ADDRESS] === address
    );
  }

  /** A queue without openings, for a service; it doesn't count yet. */
  beginQueue(queue: number, virtual: number, port: number): void {
    const base = this.queueBase(queue);
    Atomics.store(this.words, base + at.VALID_GENERATION, 0);
    this.words[base + at.QUEUE_VIRTUAL] = virtual;
    this.words[base + at.QUEUE_PORT] = port;
  }

  /** Openings may be taken by the kernel until this tick. */
  validateQueue(queue: number, generation: number, deadline: number): void {
    const base = this.queueBase(queue);
    this.words[base + at.QUEUE_DEADLINE] = deadline;
    Atomics.store(this.words, base + at.VALID_GENERATION, generation);
  }

  /** Nobody takes an opening any more. Returns the number of the first one that wasn't taken. */
  endQueue(queue: number): number {
    const { words } = this;
    const base = this.queueBase(queue);
    Atomics.store(words, base + at.VALID_GENERATION, 0);
    const made = words[base + at.QUEUE_MADE];
    return Atomics.exchange(words, base + at.QUEUE_TAKEN, made);
  }

  made(queue: number): number {
    return this.words[this.queueBase(queue) + at.QUEUE_MADE];
  }

  taken(queue: number): number {
    return Atomics.load(this.words, this.queueBase(queue) + at.QUEUE_TAKEN);
  }

  /** Takes the next opening as the kernel does; its server, NO_OPENING where there is none. */
  take(queue: number): number {
    const { words } = this;
    const base = this.queueBase(queue);
    for (;;) {
      const next = Atomics.load(words, base + at.QUEUE_TAKEN);
      if (next === words[base + at.QUEUE_MADE]) return NO_OPENING;
      const server = this.serverOf(queue, next);
      const before = Atomics.compareExchange(words, base + at.QUEUE_TAKEN, next, (next + 1) | 0);
      if (before === next) return server;
    }
  }

  /** The server of the opening with this number. */
  serverOf(queue: number, number: number): number {
    return this.words[this.openingBase(queue, number) + at.OPENING_SERVER];
  }

  /** What a service's scheduler had in its words before the opening with this number was decided. */
  schedulerWord(queue: number, number: number, index: number): number {
    return this.words[this.openingBase(queue, number) + at.OPENING_SCHEDULER + index];
  }

  /** Of the next opening. */
  setSchedulerWord(queue: number, index: number, value: number): void {
    this.words[this.openingBase(queue, this.made(queue)) + at.OPENING_SCHEDULER + index] = value;
  }

  /** VIP and port of a queue's service, the last one that had it. */
  virtual(queue: number): number {
    return this.words[this.queueBase(queue) + at.QUEUE_VIRTUAL];
  }

  port(queue: number): number {
    return this.words[this.queueBase(queue) + at.QUEUE_PORT];
  }

  /**
   * Writes the next opening; `add` ends it.
   * @param newPort with the flags of a flow's (layout.ts)
   * @returns where the way to the server is to be written, a word's number
   */
  write(
    queue: number,
    server: number,
    address: number,
    newPort: number,
    difference: number,
    differenceBack: number,
  ): number {
    const { words } = this;
    const base = this.openingBase(queue, this.made(queue));
    words[base + at.OPENING_SERVER] = server;
    words[base + at.OPENING_ADDRESS] = address;
    words[base + at.OPENING_PORT] = newPort;
    words[base + at.OPENING_DIFFERENCE] = difference;
    words[base + at.OPENING_DIFFERENCE_BACK] = differenceBack;
    return base + at.OPENING_WAY;
  }

  /** From now on the opening that was written may be taken. */
  add(queue: number): void {
    Atomics.add(this.words, this.queueBase(queue) + at.QUEUE_MADE, 1);
  }

  /** @param place what `write` or `replaceClient` has returned; the MAC addresses follow on what this writes */
  writeWay(place: number, ifindex: number, frameMax: number): void {
    this.words[place] = ifindex;
    this.words[place + 1] = frameMax;
  }

  /** Where in `bytes` the MAC addresses of a way are. */
  macsOffset(place: number): number {
    return (place + 2) * Int32Array.BYTES_PER_ELEMENT;
  }

  private queueBase(queue: number): number {
    return (at.QUEUES_AT + queue) * at.ELEMENT_WORDS;
  }

  private openingBase(queue: number, number: number): number {
    const place = queue * at.QUEUE_ROOM + (number & (at.QUEUE_ROOM - 1));
    return (at.OPENINGS_AT + place) * at.ELEMENT_WORDS;
  }
}
