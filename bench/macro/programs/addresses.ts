/** Addresses as bytes. */

/** "10.1.0.2" */
export function ipv4Bytes(text: string): number[] {
  return text.split('.').map(Number);
}

/** "02:00:00:00:00:01" */
export function macBytes(text: string): number[] {
  return text.split(':').map((byte) => Number.parseInt(byte, 16));
}
