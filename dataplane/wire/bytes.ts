/** Big-endian integers at byte offsets. 32-bit values are int32: an address above 127.255.255.255 is negative. */

export function read16(memory: Uint8Array, offset: number): number {
  return (memory[offset] << 8) | memory[offset + 1];
}

export function read32(memory: Uint8Array, offset: number): number {
  return (
    (memory[offset] << 24) |
    (memory[offset + 1] << 16) |
    (memory[offset + 2] << 8) |
    memory[offset + 3]
  );
}

export function write16(memory: Uint8Array, offset: number, value: number): void {
  memory[offset] = value >>> 8;
  memory[offset + 1] = value;
}

export function write32(memory: Uint8Array, offset: number, value: number): void {
  memory[offset] = value >>> 24;
  memory[offset + 1] = value >>> 16;
  memory[offset + 2] = value >>> 8;
  memory[offset + 3] = value;
}
