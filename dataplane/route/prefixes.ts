/**
 * Longest prefix match over IPv4 prefixes: one hash per prefix length, tried from the longest down.
 * Values are integers > 0; 0 means "no match". A look-up doesn't allocate.
 */
const BITS = 32;

/** Netmask of a prefix length, as int32: 24 -> 0xffffff00. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : (-1 << (BITS - length)) | 0;
}

export class PrefixTable {
  private readonly byLength: Map<number, number>[] = [];
  /** Prefix lengths in use, longest first. */
  private lengths: number[] = [];

  constructor() {
    for (let length = 0; length <= BITS; length++) this.byLength.push(new Map());
  }

  /** Sets the value of a prefix; `value` must be > 0. */
  set(address: number, length: number, value: number): void {
    this.byLength[length].set(address & prefixMask(length), value);
    if (!this.lengths.includes(length)) {
      this.lengths.push(length);
      this.lengths.sort((a, b) => b - a);
    }
  }

  /** Value of exactly this prefix, 0 if it isn't there. */
  get(address: number, length: number): number {
    return this.byLength[length].get(address & prefixMask(length)) ?? 0;
  }

  /** Value of the longest prefix that holds the address, 0 if none does. */
  match(address: number): number {
    for (let i = 0; i < this.lengths.length; i++) {
      const length = this.lengths[i];
      const value = this.byLength[length].get(address & prefixMask(length));
      if (value !== undefined) return value;
    }
    return 0;
  }

  clear(): void {
    for (const map of this.byLength) map.clear();
    this.lengths = [];
  }
}
