/**
 * The connection table: fixed-size records in a region of memory, found through one index.
 *
 * Theory of operation. Both directions of a connection contain the client's address and port, so the index
 * hashes those (and the protocol) alone: a client's packet finds the record by (client, virtual), a server's
 * by (client, destination), in the same bucket. Buckets are chains through the records; there are at least as
 * many buckets as records, so chains stay short at any load, and nothing is ever rehashed. Only connections
 * of one client address and port share a chain on purpose; how many may is bounded by CHAIN_MAX.
 *
 * A connection is a record number; 0 is none. New records go to the head of their chain: of two that match,
 * the newest is found, as in ip_vs.
 */
import { TIMEOUT_MAX_TICKS, ticksUntil } from '../clock.js';
import { ConnectionHash } from './hash.js';
import * as rec from './record.js';
import { STATE_COUNT } from './states.js';
import { Region, VALID } from '../memory/region.js';

/** Longest chain that is walked; a connection that would make it longer is refused. */
export const CHAIN_MAX = 256;

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const CLIENT = rec.W_CLIENT;
const VIRTUAL = rec.W_VIRTUAL;
const DESTINATION = rec.W_DESTINATION;
const PORTS = rec.W_PORTS;
const META = rec.W_META;
const FLAGS = rec.W_FLAGS;
const CHAIN = rec.W_CHAIN;
const TEMPLATE = rec.F_TEMPLATE;
const KNOWN_FLAGS = rec.F_INACTIVE | TEMPLATE | rec.F_OVERDUE | rec.F_ANSWERED;
/** A template is assured or not. */
const TEMPLATE_STATES = 2;
const PROTOCOL_TCP = 6;

/** Smallest power of two that is at least `count`. */
function powerOfTwo(count: number): number {
  let size = 1;
  while (size < count) size *= 2;
  return size;
}

export class ConnectionTable {
  /** The records' memory. Words of connection c start at c * 16. */
  readonly words: Int32Array;
  readonly capacity: number;
  /** Connections and templates in the table. */
  count = 0;

  /** With a key that nobody outside knows. */
  readonly hash: ConnectionHash;
  private readonly region: Region;
  private readonly buckets: Int32Array;
  private readonly bucketMask: number;
  private freeHead = 0;

  /** @param allocate gives zeroed memory for the index */
  constructor(
    region: Region,
    hashKey: readonly [number, number],
    allocate: (bytes: number) => ArrayBuffer,
  ) {
    this.region = region;
    this.words = region.words;
    this.capacity = region.capacity;
    this.hash = new ConnectionHash(hashKey);
    const size = powerOfTwo(this.capacity);
    this.buckets = new Int32Array(allocate(size * Int32Array.BYTES_PER_ELEMENT), 0, size);
    this.bucketMask = size - 1;
  }

  /** Number of buckets, as listings show it. */
  get size(): number {
    return this.bucketMask + 1;
  }

  /** Highest record number in use so far; listings walk 1..highWater. */
  get highWater(): number {
    return this.region.highWater;
  }

  isLive(connection: number): boolean {
    return this.words[connection * WORDS] === VALID;
  }

  /** The connection a client's packet belongs to, 0 if there is none. */
  findInbound(
    protocol: number,
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
  ): number {
    const words = this.words;
    const ports = (clientPort << 16) | virtualPort;
    let c = this.buckets[this.bucketOf(protocol, client, clientPort)];
    for (let steps = 0; c !== 0 && steps < CHAIN_MAX; steps++) {
      const base = c * WORDS;
      if (
        words[base + CLIENT] === client &&
        words[base + PORTS] === ports &&
        words[base + VIRTUAL] === virtual &&
        ((words[base + META] >>> 8) & 0xff) === protocol &&
        (words[base + FLAGS] & TEMPLATE) === 0
      ) {
        return c;
      }
      c = words[base + CHAIN];
    }
    return 0;
  }

  /** The connection a server's packet to that client belongs to, 0 if there is none. */
  findOutbound(
    protocol: number,
    client: number,
    clientPort: number,
    destination: number,
    destinationPort: number,
  ): number {
    const words = this.words;
    const meta = (destinationPort << 16) | (protocol << 8);
    let c = this.buckets[this.bucketOf(protocol, client, clientPort)];
    for (let steps = 0; c !== 0 && steps < CHAIN_MAX; steps++) {
      const base = c * WORDS;
      if (
        words[base + CLIENT] === client &&
        words[base + PORTS] >>> 16 === clientPort &&
        words[base + DESTINATION] === destination &&
        (words[base + META] & ~0xff) === meta &&
        (words[base + FLAGS] & TEMPLATE) === 0
      ) {
        return c;
      }
      c = words[base + CHAIN];
    }
    return 0;
  }

  /** The persistence template of a client network, 0 if there is none. */
  findTemplate(
    protocol: number,
    clientNetwork: number,
    virtual: number,
    virtualPort: number,
  ): number {
    const words = this.words;
    let c = this.buckets[this.bucketOf(protocol, clientNetwork, 0)];
    for (let steps = 0; c !== 0 && steps < CHAIN_MAX; steps++) {
      const base = c * WORDS;
      if (
        words[base + CLIENT] === clientNetwork &&
        words[base + PORTS] === virtualPort &&
        words[base + VIRTUAL] === virtual &&
        ((words[base + META] >>> 8) & 0xff) === protocol &&
        (words[base + FLAGS] & TEMPLATE) !== 0
      ) {
        return c;
      }
      c = words[base + CHAIN];
    }
    return 0;
  }

  /** Walking a bucket's chain: its first connection and the next ones, 0 at its end. */
  firstInBucket(bucket: number): number {
    return this.buckets[bucket];
  }

  nextInBucket(connection: number): number {
    return this.words[connection * WORDS + CHAIN];
  }

  /** True where a connection of this client end would make its chain longer than is walked. */
  isChainFull(protocol: number, client: number, clientPort: number): boolean {
    let c = this.buckets[this.bucketOf(protocol, client, clientPort)];
    let steps = 0;
    for (; c !== 0 && steps < CHAIN_MAX; steps++) c = this.words[c * WORDS + CHAIN];
    return steps >= CHAIN_MAX;
  }

  /**
   * Takes a free record and fills in its identity. It is not valid, nor found, before `commit`.
   * @returns 0 where the table is full.
   */
  allocate(
    protocol: number,
    client: number,
    clientPort: number,
    virtual: number,
    virtualPort: number,
    destination: number,
    destinationPort: number,
    flags: number,
  ): number {
    let c = this.freeHead;
    if (c !== 0) this.freeHead = this.words[c * WORDS + CHAIN];
    else c = this.region.takeNew();
    if (c === 0) return 0;

    const words = this.words;
    const base = c * WORDS;
    words[base + CLIENT] = client;
    words[base + VIRTUAL] = virtual;
    words[base + DESTINATION] = destination;
    words[base + PORTS] = (clientPort << 16) | virtualPort;
    words[base + META] = (destinationPort << 16) | (protocol << 8);
    words[base + FLAGS] = flags;
    for (let word = rec.W_SERVER; word < WORDS; word++) words[base + word] = 0;
    return c;
  }

  /** Makes an allocated record valid and puts it into the index. */
  commit(connection: number): void {
    this.link(connection);
    this.words[connection * WORDS] = VALID;
    this.count++;
  }

  /** Takes a connection out of the index and frees its record. */
  remove(connection: number): void {
    this.unlink(connection);
    const base = connection * WORDS;
    this.words[base] = 0;
    this.words[base + CHAIN] = this.freeHead;
    this.freeHead = connection;
    this.count--;
  }

  /** Gives a template another identity (ip_vs's way to retire one): new ports, same place in the index. */
  retirePorts(template: number, virtualPort: number, destinationPort: number): void {
    const base = template * WORDS;
    this.words[base + PORTS] = (this.words[base + PORTS] & ~0xffff) | virtualPort;
    this.words[base + META] = (this.words[base + META] & 0xffff) | (destinationPort << 16);
  }

  /**
   * Builds index and free list anew from the records, as after a restart; those that no director can have written
   * are left out.
   * @returns how many records were damaged
   */
  rebuild(): number {
    this.buckets.fill(0);
    this.freeHead = 0;
    this.count = 0;
    let damaged = 0;
    for (let c = this.region.highWater; c >= 1; c--) {
      const base = c * WORDS;
      const mark = this.words[base];
      if (mark === VALID && this.isSound(base)) {
        this.linkAgain(c);
        this.count++;
      } else {
        if (mark !== 0) damaged++;
        this.words[base] = 0;
        this.words[base + CHAIN] = this.freeHead;
        this.freeHead = c;
      }
    }
    return damaged;
  }

  /** Looks at a record by itself. What it refers to is looked at by whoever knows that (Lifecycle.rebuild). */
  private isSound(base: number): boolean {
    const words = this.words;
    const flags = words[base + FLAGS];
    const meta = words[base + META];
    const state = meta & 0xff;
    const isTemplate = (flags & TEMPLATE) !== 0;
    const clientPort = words[base + PORTS] >>> 16;
    return (
      (flags & ~KNOWN_FLAGS) === 0 &&
      ((meta >>> 8) & 0xff) === PROTOCOL_TCP &&
      state < (isTemplate ? TEMPLATE_STATES : STATE_COUNT) &&
      words[base + rec.W_TIMEOUT] >= 0 &&
      words[base + rec.W_TIMEOUT] <= TIMEOUT_MAX_TICKS &&
      (!isTemplate || (clientPort === 0 && (flags & rec.F_INACTIVE) === 0)) &&
      !this.isChainFull(PROTOCOL_TCP, words[base + CLIENT], clientPort)
    );
  }

  /** Number of the bucket in which connections of a client end are. */
  bucketOf(protocol: number, client: number, clientPort: number): number {
    return this.hash.of(client, (clientPort << 16) | protocol) & this.bucketMask;
  }

  private bucketOfRecord(base: number): number {
    const words = this.words;
    return this.bucketOf(
      (words[base + META] >>> 8) & 0xff,
      words[base + CLIENT],
      words[base + PORTS] >>> 16,
    );
  }

  private link(connection: number): void {
    const base = connection * WORDS;
    const bucket = this.bucketOfRecord(base);
    this.words[base + CHAIN] = this.buckets[bucket];
    this.buckets[bucket] = connection;
  }

  /**
   * Links a record of an earlier run. Of two connections of the same ends, one of which was to give way to the
   * other, that one is found whose time is up later.
   */
  private linkAgain(connection: number): void {
    const words = this.words;
    const deadline = words[connection * WORDS + rec.W_DEADLINE];
    let newer = 0;
    let c = this.buckets[this.bucketOfRecord(connection * WORDS)];
    for (; c !== 0; c = words[c * WORDS + CHAIN]) {
      const isNewer = ticksUntil(words[c * WORDS + rec.W_DEADLINE], deadline) > 0;
      if (isNewer && this.haveSameEnds(c * WORDS, connection * WORDS)) newer = c;
    }
    if (newer === 0) {
      this.link(connection);
      return;
    }
    words[connection * WORDS + CHAIN] = words[newer * WORDS + CHAIN];
    words[newer * WORDS + CHAIN] = connection;
  }

  private haveSameEnds(one: number, other: number): boolean {
    const words = this.words;
    return (
      words[one + CLIENT] === words[other + CLIENT] &&
      words[one + PORTS] === words[other + PORTS] &&
      words[one + VIRTUAL] === words[other + VIRTUAL] &&
      ((words[one + FLAGS] ^ words[other + FLAGS]) & TEMPLATE) === 0
    );
  }

  private unlink(connection: number): void {
    const words = this.words;
    const base = connection * WORDS;
    const bucket = this.bucketOfRecord(base);
    const next = words[base + CHAIN];
    let c = this.buckets[bucket];
    if (c === connection) {
      this.buckets[bucket] = next;
      return;
    }
    // Chains are bounded by allocate's callers (isChainFull), so this ends.
    while (words[c * WORDS + CHAIN] !== connection) c = words[c * WORDS + CHAIN];
    words[c * WORDS + CHAIN] = next;
  }
}
