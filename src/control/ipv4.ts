/** IPv4 addresses between the two forms of this project: text at the control interface, int32 inside. */

const OCTETS = 4;

/** "10.1.0.100" as int32 in host order; undefined where it isn't a dotted quad. */
export function ipv4FromText(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== OCTETS) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8) | Number(part);
  }
  return address;
}

export function ipv4ToText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}
