/**
 * Looking ahead in a burst. In a large table each packet's bucket and record are somewhere else in memory, and
 * waiting for one after the other is most of a packet's cost. Touched for the whole burst first, they are
 * fetched side by side.
 */
import * as rec from '../conn/record.js';
import { BURST_MAX } from '../burst-size.js';
import type { State } from '../state.js';
import { ETHERTYPE_IPV4, ETHERNET_HEADER_BYTES } from '../wire/ethernet.js';
import { read16 } from '../wire/bytes.js';
import * as ipv4 from '../wire/ipv4.js';
import * as tcp from '../wire/tcp.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const CLIENT = rec.W_CLIENT;
const TCP = ipv4.PROTOCOL_TCP;
const ETHERNET = ETHERNET_HEADER_BYTES;
const ETHERTYPE_AT = 12;
const SHORTEST = ETHERNET + ipv4.IPV4_HEADER_BYTES + tcp.TCP_PORTS_BYTES;
/** Tables up to this size lie in the processor's caches anyway. */
const SMALL_TABLE = 1 << 15;
/** Bursts of fewer frames have little to fetch side by side. */
const SMALL_BURST = 4;

export class Prefetch {
  private readonly buckets = new Int32Array(BURST_MAX);
  private readonly heads = new Int32Array(BURST_MAX);
  /** What was read: kept where others could see it, so that the reading isn't optimised away. */
  touched = 0;

  constructor(private readonly state: State) {}

  /** Touches what the frames at `offset[0..count-1]` will need. Frames it can't make out are left out. */
  touch(memory: Uint8Array, offset: Int32Array, length: Int32Array, count: number): void {
    const { connections } = this.state;
    if (count < SMALL_BURST || connections.count < SMALL_TABLE) return;
    const { buckets, heads } = this;
    let found = 0;
    for (let i = 0; i < count; i++) {
      if (length[i] < SHORTEST) continue;
      const bucket = this.bucketOf(memory, offset[i]);
      if (bucket >= 0) buckets[found++] = bucket;
    }
    for (let i = 0; i < found; i++) heads[i] = connections.firstInBucket(buckets[i]);
    let touched = 0;
    for (let i = 0; i < found; i++) touched ^= connections.words[heads[i] * WORDS + CLIENT];
    this.touched = touched;
  }

  private bucketOf(memory: Uint8Array, offset: number): number {
    const ip = offset + ETHERNET;
    if (read16(memory, offset + ETHERTYPE_AT) !== ETHERTYPE_IPV4) return -1;
    if (ipv4.protocol(memory, ip) !== TCP) return -1;
    // With options the ports are elsewhere: the wrong bucket is touched, and no harm done.
    const segment = ip + ipv4.IPV4_HEADER_BYTES;
    const { connections, routes } = this.state;
    const destination = ipv4.destination(memory, ip);
    return routes.isLocal(destination)
      ? connections.bucketOf(TCP, ipv4.source(memory, ip), tcp.sourcePort(memory, segment))
      : connections.bucketOf(TCP, destination, tcp.destinationPort(memory, segment));
  }
}
