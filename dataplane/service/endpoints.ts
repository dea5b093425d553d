/**
 * A set of (address, port) pairs that can be asked per packet. Port 0 stands for every port of its address.
 * A pair can be in it several times, for several reasons, and goes with the last of them: services and servers
 * share endpoints. Adding and removing one costs the same however many there are.
 *
 * Open addressing with linear probing, at most half full:
 *
 *     slot   0         1      2
 *           +---------+------+-------+
 *           | address | port | count |    count 0: free
 *           +---------+------+-------+
 */
const SLOT = 3;
const PORT = 1;
const COUNT = 2;
const SLOTS_MIN = 2;

export interface Endpoint {
  /** IPv4 address, int32 in host order. */
  address: number;
  port: number;
}

export class EndpointSet {
  /** Different pairs in the set. */
  size = 0;
  private slots = new Int32Array(SLOTS_MIN * SLOT);
  private mask = SLOTS_MIN - 1;
  private wildcards = 0;
  /** How many different pairs each address has. */
  private readonly addresses = new Map<number, number>();

  has(address: number, port: number): boolean {
    return this.contains(address, port) || (this.wildcards > 0 && this.contains(address, 0));
  }

  /** True where any port of the address is in the set. */
  hasAddress(address: number): boolean {
    return this.addresses.has(address);
  }

  /** True where exactly this pair is in the set. */
  contains(address: number, port: number): boolean {
    return this.slots[this.find(address, port) * SLOT + COUNT] > 0;
  }

  /** @returns true where the pair wasn't in the set before */
  add(address: number, port: number): boolean {
    let at = this.find(address, port) * SLOT;
    if (this.slots[at + COUNT] > 0) {
      this.slots[at + COUNT] += 1;
      return false;
    }
    if ((this.size + 1) * 2 > this.mask + 1) {
      this.grow();
      at = this.find(address, port) * SLOT;
    }
    this.slots[at] = address;
    this.slots[at + PORT] = port;
    this.slots[at + COUNT] = 1;
    this.size += 1;
    if (port === 0) this.wildcards += 1;
    this.addresses.set(address, (this.addresses.get(address) ?? 0) + 1);
    return true;
  }

  /** Takes back one `add` of the pair. @returns true where it isn't in the set any more */
  remove(address: number, port: number): boolean {
    const slot = this.find(address, port);
    const at = slot * SLOT;
    if (this.slots[at + COUNT] === 0)
      throw new Error('an endpoint is removed that was never added');
    this.slots[at + COUNT] -= 1;
    if (this.slots[at + COUNT] > 0) return false;
    this.closeGap(slot);
    this.size -= 1;
    if (port === 0) this.wildcards -= 1;
    const left = (this.addresses.get(address) ?? 1) - 1;
    if (left === 0) this.addresses.delete(address);
    else this.addresses.set(address, left);
    return true;
  }

  /** Each pair once, in no particular order. */
  *[Symbol.iterator](): Generator<Endpoint, void> {
    for (let at = 0; at < this.slots.length; at += SLOT) {
      if (this.slots[at + COUNT] === 0) continue;
      yield { address: this.slots[at], port: this.slots[at + PORT] };
    }
  }

  /** The pair's slot, or the free one where it would be put. */
  private find(address: number, port: number): number {
    const slots = this.slots;
    let slot = this.slotOf(address, port);
    for (;;) {
      const at = slot * SLOT;
      if (slots[at + COUNT] === 0) return slot;
      if (slots[at + PORT] === port && slots[at] === address) return slot;
      slot = (slot + 1) & this.mask;
    }
  }

  private slotOf(address: number, port: number): number {
    const mixed = Math.imul(address ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.mask;
  }

  private grow(): void {
    const before = this.slots;
    this.slots = new Int32Array(before.length * 2);
    this.mask = this.mask * 2 + 1;
    for (let from = 0; from < before.length; from += SLOT) {
      if (before[from + COUNT] === 0) continue;
      const at = this.find(before[from], before[from + PORT]) * SLOT;
      for (let i = 0; i < SLOT; i++) this.slots[at + i] = before[from + i];
    }
  }

  /** Moves pairs behind a slot that becomes free to where a search, which ends at a free slot, finds them. */
  private closeGap(freed: number): void {
    const slots = this.slots;
    let gap = freed;
    for (let slot = (gap + 1) & this.mask; ; slot = (slot + 1) & this.mask) {
      const at = slot * SLOT;
      if (slots[at + COUNT] === 0) break;
      const home = this.slotOf(slots[at], slots[at + PORT]);
      // It may only move back as far as its search begins.
      if (((slot - home) & this.mask) < ((slot - gap) & this.mask)) continue;
      for (let i = 0; i < SLOT; i++) slots[gap * SLOT + i] = slots[at + i];
      gap = slot;
    }
    slots[gap * SLOT + COUNT] = 0;
  }
}
