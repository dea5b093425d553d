/**
 * A driver moves frames between network ports and one block of memory, in bursts.
 *
 *     receive(burst)  ->  engine looks at and rewrites frames in place  ->  send(...)  ->  flush()  ->  release(burst)
 *
 * Frames of a burst are borrowed: they and everything queued with `send` stay untouched in `memory` until
 * `release`. `send` and `sendCopy` only queue; `flush` hands the queue to the network. A frame the network
 * can't take now (back-pressure) stays queued or is counted, never lost silently.
 */
import { BURST_MAX } from '../burst-size.js';
import type { PortStats } from './stats.js';

export { BURST_MAX };

export { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../offload.js';

/** Received frames: frame i starts at memory[offset[i]] and has length[i] bytes from its Ethernet header on. */
export class Burst {
  count = 0;
  readonly port = new Int32Array(BURST_MAX);
  readonly offset = new Int32Array(BURST_MAX);
  readonly length = new Int32Array(BURST_MAX);
  readonly offload = new Int32Array(BURST_MAX);
  /** The driver's own note, for example the ring slot. */
  readonly slot = new Int32Array(BURST_MAX);
  /** When the kernel received the first frame: seconds since 1970 and nanoseconds; zeros if the driver can't tell. */
  readonly arrival = new Int32Array(2);
}

export interface Driver {
  readonly name: string;
  /** Where all frames of all bursts live. */
  readonly memory: Uint8Array;
  /** Fills the burst with up to BURST_MAX frames and returns how many. Never waits. */
  receive(burst: Burst): number;
  /** Queues frame `index` of the burst, as it stands in memory, for `port`. */
  send(burst: Burst, index: number, port: number): void;
  /** Queues a copy of `length` bytes from elsewhere, from `offset` on. `offload` as in a burst. */
  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void;
  /** Gives frame `index` back to the host's kernel, which did not see it because of interception. */
  handBack(burst: Burst, index: number): void;
  /** Hands everything queued to the network. */
  flush(): void;
  /** Gives the burst's frames back to the driver. */
  release(burst: Burst): void;
  /** Counters of one port, read from the network where it keeps them. */
  stats(port: number): PortStats;
  close(): void;
}
