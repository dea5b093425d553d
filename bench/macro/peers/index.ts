/** All peers, in the order in which they are measured and shown. */
import { haproxy } from './haproxy.js';
import { ipVs } from './ip-vs.js';
import { nftables } from './nftables.js';
import { nginxStream } from './nginx-stream.js';
import { nodeProxy } from './node-proxy.js';
import type { Peer } from './peer.js';
import { routing } from './routing.js';
import { uvs, uvsFastPath, uvsWatched } from './uvs.js';

/** The limit: all others are also shown as a share of what it reaches. */
export const LIMIT = routing.id;
/** And as a share of the first of these that was measured. */
export const RIVALS = [ipVs.id, haproxy.id];

/** With uvs once for each driver. */
export function allPeers(drivers: readonly string[]): Peer[] {
  return [
    routing,
    ...drivers.map((driver) => uvs(driver)),
    uvsFastPath,
    uvsWatched,
    ipVs,
    nftables,
    haproxy,
    nginxStream,
    nodeProxy,
  ];
}
