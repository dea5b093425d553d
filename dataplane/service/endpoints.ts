/**
 * A set of (address, port) pairs that can be asked per packet. Port 0 stands for every port of its address.
 * Open addressing with linear probing, at most half full, rebuilt as a whole when it changes.
 */
const EMPTY = -1;
const PAIR = 2;

export interface Endpoint {
  /** IPv4 address, int32 in host order. */
  address: number;
  port: number;
}

export class EndpointSet {
  private slots = new Int32Array(PAIR * 2).fill(EMPTY);
  private mask = 1;
  private hasWildcards = false;
  private addresses = new Set<number>();

  has(address: number, port: number): boolean {
    return this.find(address, port) || (this.hasWildcards && this.find(address, 0));
  }

  /** True where any port of the address is in the set. */
  hasAddress(address: number): boolean {
    return this.addresses.has(address);
  }

  replace(endpoints: readonly Endpoint[]): void {
    let size = 2;
    while (size < endpoints.length * 2) size *= 2;
    this.slots = new Int32Array(size * PAIR).fill(EMPTY);
    this.mask = size - 1;
    this.hasWildcards = false;
    this.addresses = new Set(endpoints.map((endpoint) => endpoint.address));
    for (const { address, port } of endpoints) {
      if (port === 0) this.hasWildcards = true;
      let slot = this.slotOf(address, port);
      while (this.slots[slot * PAIR + 1] !== EMPTY) slot = (slot + 1) & this.mask;
      this.slots[slot * PAIR] = address;
      this.slots[slot * PAIR + 1] = port;
    }
  }

  private find(address: number, port: number): boolean {
    const slots = this.slots;
    let slot = this.slotOf(address, port);
    for (let steps = 0; steps <= this.mask; steps++) {
      const slotPort = slots[slot * PAIR + 1];
      if (slotPort === EMPTY) return false;
      if (slotPort === port && slots[slot * PAIR] === address) return true;
      slot = (slot + 1) & this.mask;
    }
    return false;
  }

  private slotOf(address: number, port: number): number {
    const mixed = Math.imul(address ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.mask;
  }
}
