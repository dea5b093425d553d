/** Networks as users write them. */
import type { Network } from '../../dataplane/sys/masquerade.js';
import { ipv4FromText } from '../control/ipv4.js';

/** "10.2.0.0/24", already checked. */
export function networkFromText(text: string): Network {
  const [address, prefixLength] = text.split('/');
  return { address: ipv4FromText(address) ?? 0, prefixLength: Number(prefixLength) };
}
