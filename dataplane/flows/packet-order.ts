/** Numbers as a little-endian machine reads them from a packet, and back. */
export function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

/** The word of both ports. */
export function portsWord(source: number, destination: number): number {
  return swap16(source) | (swap16(destination) << 16);
}
