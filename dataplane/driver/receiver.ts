/**
 * What a port receives, out of its three rings (ring-sizes.ts). They are read in the order of arrival, by the
 * frames' time stamps, or a connection's last, short segment would overtake the one before. But only a few SYNs go
 * into a burst with other frames, the others wait: what belongs to a connection goes first.
 */
import { waitReadable, type Readable } from '../sys/readable.js';
import { type Burst, BURST_MAX } from './driver.js';
import type { PortMemory, Stretch } from './port-memory.js';
import type { PortSockets } from './port-sockets.js';
import { ReceiveRing } from './receive-ring.js';
import type { PortStats } from './stats.js';
import { SynWatch } from './syn-watch.js';
import type { RingGeometry } from './tpacket.js';

/** SYNs in a burst with other frames. */
const SYNS_MAX = 8;

export class Receiver {
  readonly stretch: Stretch;
  private readonly small: ReceiveRing;
  private readonly large: ReceiveRing;
  private readonly syns: ReceiveRing;
  private readonly slotCount: number;
  private readables: Readable[] = [];
  private synWatch: SynWatch | null = null;
  private synsTaken = 0;
  /** Rings whose next slot isn't known: an earlier process has read from them. */
  private unplaced: ReceiveRing[] = [];
  /** Looking for that slot is worth while: there may be a frame by now. */
  private mayBePlaced = true;

  /** Throws SysError. */
  constructor(
    port: number,
    private readonly memory: PortMemory,
    geometries: readonly RingGeometry[],
    private readonly sockets: PortSockets,
    private readonly stats: PortStats,
  ) {
    this.stretch = memory.take(sockets.receiveFds);
    const { bytes, words, slots } = memory;
    const rings = geometries.map((geometry, i) => {
      const firstSlot = this.stretch.firstSlots[i];
      return new ReceiveRing(port, bytes, words, slots, firstSlot, geometry.slots, stats);
    });
    [this.small, this.large, this.syns] = rings;
    this.slotCount = geometries.reduce((sum, { slots: count }) => sum + count, 0);
    if (sockets.areAdopted) this.unplaced = rings;
  }

  /** Adds frames to a burst that has `count` already; returns how many it has then. */
  receive(burst: Burst, count: number): number {
    if (this.mayBePlaced) this.place();
    let syns = 0;
    for (let looked = 0; looked < this.slotCount && count < BURST_MAX; looked++) {
      const hasOnlySyns = syns === looked;
      const ring = hasOnlySyns || syns < SYNS_MAX ? this.next(syns < SYNS_MAX) : this.nextOther();
      if (ring === null) break;
      if (ring === this.syns) syns += 1;
      if (ring.take(burst, count)) count += 1;
    }
    this.synsTaken += syns;
    return count;
  }

  watch(onReadable: () => void): void {
    if (this.readables.length > 0) return;
    const [small, large, syns] = this.sockets.receiveFds;
    const onFrame = (): void => {
      this.mayBePlaced = this.unplaced.length > 0;
      onReadable();
    };
    this.readables = [small, large].map((fd) => waitReadable(fd, onFrame));
    this.synWatch = new SynWatch(syns, () => this.synsTaken, onFrame);
  }

  unwatch(): void {
    for (const readable of this.readables) readable.stop();
    this.readables = [];
    this.synWatch?.stop();
    this.synWatch = null;
  }

  /** SYNs come so fast that their ring is looked at now and then only. */
  get isFlooded(): boolean {
    return this.synWatch?.isPausing === true;
  }

  /** Adds what the rings had no room for to the counters. */
  countDrops(): void {
    this.sockets.countDrops(this.stats);
  }

  close(): void {
    this.unwatch();
    this.countDrops();
    this.memory.give(this.stretch);
  }

  /** Finds the place in rings that were in use before, as soon as there is a frame in them. */
  private place(): void {
    this.unplaced = this.unplaced.filter((ring) => !ring.findPlace());
    // Whoever doesn't watch has to ask each time.
    this.mayBePlaced = this.unplaced.length > 0 && this.readables.length === 0;
  }

  /** The ring whose frame is next, null where none has one. */
  private next(isSynsTurn: boolean): ReceiveRing | null {
    const { syns } = this;
    let other = this.nextOther();
    if (other !== null && !isSynsTurn) return other;
    if (!syns.isReady()) return other;
    // What arrived before the SYN may have come since the look at the other rings.
    other ??= this.nextOther();
    return other === null || (isSynsTurn && syns.isBefore(other)) ? syns : other;
  }

  /** That of the small and large ring whose frame arrived first, null where neither has one. */
  private nextOther(): ReceiveRing | null {
    const isSmallReady = this.small.isReady();
    if (!this.large.isReady()) return isSmallReady ? this.small : null;
    // Since the first look at the small ring, a frame older than the large ring's may have come.
    if (!isSmallReady && !this.small.isReady()) return this.large;
    return this.small.isBefore(this.large) ? this.small : this.large;
  }
}
