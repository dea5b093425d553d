/** All peers, in the order in which they are measured and shown. */
import { ipVs } from './ip-vs.js';
import type { ScalePeer } from './peer.js';
import { routing } from './routing.js';
import { uvs, uvsOnHugePages } from './uvs.js';

export function allPeers(tableBits: number): ScalePeer[] {
  return [routing, uvs, uvsOnHugePages, ipVs(null), ipVs(tableBits)];
}
