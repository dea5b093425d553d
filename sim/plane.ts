/**
 * One life of the data plane: engine, tables on the memory it was given, driver and loop, as a worker process
 * puts them together, from activation to death.
 */
import { BURST_MAX } from '../dataplane/burst-size.js';
import { Burst } from '../dataplane/driver/driver.js';
import { MemoryDriver } from '../dataplane/driver/memory.js';
import type { FrameRing } from '../dataplane/driver/framering.js';
import { Loop } from '../dataplane/loop.js';
import type { Capacity, StateMemory } from '../dataplane/state.js';
import { VirtualServer } from '../src/virtual-server/virtual-server.js';
import { AuditedEngine } from './audit.js';
import type { Interception } from './interception.js';
import type { Network } from './network.js';
import type { Frame } from './packet.js';
import { PORTS, type Port } from './site.js';
import type { Witness } from './witness.js';

/** The largest super-segment the ends send, and some. */
const FRAME_BYTES = 16_384;
/** As many as wait for a slow network, and a burst. */
const SLOTS = 256;

/** The driver of all data planes of a run, one after the other. */
export function makeDriver(): MemoryDriver {
  return new MemoryDriver({ ports: PORTS.length, slots: SLOTS, frameBytes: FRAME_BYTES });
}

/** What a process that died had queued goes with it. */
export function emptyDriver(driver: MemoryDriver): void {
  driver.release(new Burst());
  driver.flushLimit = Number.MAX_SAFE_INTEGER;
  driver.flush();
  driver.takeSent();
  driver.takeHandedBack();
}

export interface PlaneOptions {
  driver: MemoryDriver;
  memory: StateMemory;
  capacity: Capacity;
  hashKey: readonly [number, number];
  clock: () => number;
  network: Network;
  interception: Interception;
  witness: Witness;
  /** Applied to every data plane before it runs: a fault that checks are to find. */
  plant: (server: VirtualServer) => void;
}

export class Plane {
  readonly server: VirtualServer;
  readonly driver: MemoryDriver;
  readonly audited: AuditedEngine;
  readonly loop: Loop;
  /** The burst's frames, as they came in. */
  private frames: Frame[] = [];

  /** Opens the tables; `takeOver` is to follow. @throws RegionError where the memory holds something else */
  constructor(options: PlaneOptions) {
    const { network, interception, witness, memory, capacity, hashKey, clock } = options;
    this.server = new VirtualServer({
      memory,
      capacity,
      hashKey,
      clock,
      onEndpointsChanged: (touched) => {
        interception.follow(this.server.interceptedEndpoints, touched);
      },
    });
    this.driver = options.driver;
    options.plant(this.server);
    network.lay(this.server.routes);
    witness.state = this.server.state;
    const { engine } = this.server;
    this.audited = new AuditedEngine(engine, this.driver, witness);
    const { audited } = this;
    // As the worker has it: the loop moves packets, the virtual server runs what is due.
    this.loop = new Loop(audited, this.driver, (hop) => {
      const { routes } = this.server;
      network.resolve(routes.portOf(hop) as Port, routes.addressOf(hop));
    });
  }

  /** One burst of these frames, which are taken out of the list. */
  burst(frames: Frame[], now: number): void {
    const { audited } = this;
    this.frames = frames.splice(0, BURST_MAX);
    for (const { bytes, offload, port } of this.frames) this.driver.queue(port, bytes, offload);
    const first = this.inside.incoming.slot(0);
    audited.frameAt = (offset) => this.frames[(offset / FRAME_BYTES - first + SLOTS) % SLOTS];
    const judgedBefore = audited.judged;
    this.loop.burst(now);
    const skipped = this.frames.length - (audited.judged - judgedBefore);
    if (skipped > 0) {
      const remains = this.frames.filter((frame) => frame.isRemains === true).length;
      audited.skipped(skipped, remains);
    }
  }

  /** Frames the network couldn't take yet. */
  get waiting(): number {
    return this.inside.outgoing.count;
  }

  /** What is left in the receive ring of a burst that was being worked on. */
  remains(): Frame[] {
    const { incoming } = this.inside;
    return this.frames.slice(0, incoming.count).map((frame, i) => {
      const bytes = incoming.bytes[incoming.slot(i)].slice(0, frame.bytes.length);
      return { ...frame, bytes, isRemains: true };
    });
  }

  checkFigures(): void {
    this.audited.check(this.loop.parking.frames, this.waiting);
  }

  /** The driver's rings: only an auditor looks at them. */
  private get inside(): { incoming: FrameRing; outgoing: FrameRing } {
    return this.driver as unknown as { incoming: FrameRing; outgoing: FrameRing };
  }
}
