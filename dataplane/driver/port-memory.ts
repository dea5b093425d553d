/**
 * The memory of all ports in one reservation of address space. Each port has a stretch of it:
 *
 *     | small ring | large ring | send queue | small ring | large ring | send queue | ... (reserved)
 *
 * A stretch whose port is closed serves the next port that is opened.
 */
import { AddressSpace } from '../sys/memory.js';
import { QUEUE_BYTES } from './send-queue.js';
import { Slots } from './slots.js';
import { ringBytes, type RingGeometry } from './tpacket.js';

export const PORTS_MAX = 64;

export interface Stretch {
  /** Where its rings begin in memory, and their first slots' numbers. */
  readonly ringOffsets: number[];
  readonly firstSlots: number[];
  readonly queueOffset: number;
}

export class PortMemory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly address: bigint;
  readonly slots: Slots;
  private readonly space: AddressSpace;
  private readonly slotsPerStretch: number;
  private readonly free: Stretch[] = [];
  private placed = 0;

  /** `geometries` are those of a port's rings, in order. */
  constructor(private readonly geometries: readonly RingGeometry[]) {
    const ringsBytes = geometries.reduce((sum, geometry) => sum + ringBytes(geometry), 0);
    this.slotsPerStretch = geometries.reduce((sum, geometry) => sum + geometry.slots, 0);
    this.space = new AddressSpace(PORTS_MAX * (ringsBytes + QUEUE_BYTES));
    this.bytes = this.space.bytes;
    this.words = new Int32Array(this.bytes.buffer);
    this.address = this.space.address;
    this.slots = new Slots(this.words, PORTS_MAX * this.slotsPerStretch);
  }

  /** Maps the rings of these sockets, one for each geometry, into a free stretch. Throws SysError. */
  take(fds: readonly number[]): Stretch {
    const stretch = this.free.pop() ?? this.place();
    try {
      this.geometries.forEach((geometry, i) => {
        this.space.replace(stretch.ringOffsets[i], fds[i], ringBytes(geometry));
      });
    } catch (error) {
      this.give(stretch);
      throw error;
    }
    return stretch;
  }

  /** Unmaps the rings of a stretch. Their slots are nobody's then. */
  give(stretch: Stretch): void {
    this.geometries.forEach((geometry, i) => {
      this.space.vacate(stretch.ringOffsets[i], ringBytes(geometry));
    });
    const firstSlot = stretch.firstSlots[0];
    this.slots.forget(firstSlot, firstSlot + this.slotsPerStretch);
    this.free.push(stretch);
  }

  /** The slots after a stretch's last one. */
  endSlot(stretch: Stretch): number {
    return stretch.firstSlots[0] + this.slotsPerStretch;
  }

  close(): void {
    this.space.close();
  }

  private place(): Stretch {
    if (this.placed === PORTS_MAX)
      throw new RangeError(`more than ${PORTS_MAX} interfaces; name the ones to be used`);
    const ringOffsets: number[] = [];
    const firstSlots: number[] = [];
    let slot = this.placed * this.slotsPerStretch;
    for (const geometry of this.geometries) {
      const offset = this.space.placeAnonymous(ringBytes(geometry));
      ringOffsets.push(offset);
      firstSlots.push(slot);
      for (let i = 0; i < geometry.slots; i++) {
        this.slots.word[slot++] = (offset + i * geometry.slotBytes) / 4;
      }
    }
    const queueOffset = this.space.placeAnonymous(QUEUE_BYTES);
    this.placed += 1;
    return { ringOffsets, firstSlots, queueOffset };
  }
}
