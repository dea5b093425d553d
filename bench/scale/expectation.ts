/** How long it all takes, at a guess. */
import type { ScaleOptions } from './options.js';
import type { ScalePeer } from './peers/peer.js';

const START_SECONDS = 3;
const ROUND_SECONDS = 1;
const CRASHES_SECONDS = 12;
/** Each connection is made, listed, and expires. */
const CONNECTION_SECONDS = { made: 25e-6, listed: 5e-6, expired: 20e-6 };

export function expectedSeconds(options: ScaleOptions, peers: readonly ScalePeer[]): number {
  const { sizes, rounds, seconds, expiry } = options;
  const { made, listed, expired } = CONNECTION_SECONDS;
  const most = Math.max(...sizes);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const traffic = sizes.length * (rounds + 1) * (seconds + ROUND_SECONDS) + most * made;
  const rest = sizes.length * CRASHES_SECONDS + all * listed + (expiry ? most * expired : 0);
  const directors = peers.filter((peer) => peer.balances).length;
  return peers.length * (START_SECONDS + traffic) + directors * rest;
}
