/**
 * The two networks: links that lose, double, damage and delay frames, go down and come up; machines that get
 * the frames for their MAC address; and what the director's kernel knows of it all, its neighbours and MTUs.
 */
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../dataplane/offload.js';
import type { Routes } from '../dataplane/route/routes.js';
import { read16, read32 } from '../dataplane/wire/bytes.js';
import { MAC_BYTES } from '../dataplane/wire/ethernet.js';
import { completeChecksum, type Frame } from './packet.js';
import type { Random } from './random.js';
import { DIRECTOR, GATEWAY, macOf, nextHop, OUTER, PORTS, siteRoutes, type Port } from './site.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

/**
 * Probabilities for each frame, and how long one takes. A frame may be damaged in one of the two networks only:
 * of two flipped bits one can undo in the checksum what the other has done.
 */
export interface LinkQuality {
  lose: number;
  double: number;
  damage: number;
  /** Frames that take different times overtake each other. */
  delayMinMs: number;
  delayMaxMs: number;
}

export const GOOD_LINK: LinkQuality = {
  lose: 0,
  double: 0,
  damage: 0,
  delayMinMs: 1,
  delayMaxMs: 1,
};

/** Whoever gets frames. */
export interface Receiver {
  readonly address: number;
  receive(frame: Frame): void;
}

/** The director, as the network sees it. */
export interface DirectorPorts {
  arrive(port: Port, frame: Frame): void;
  /** The kernel has found out, or forgotten (null), a neighbour's MAC address. */
  neighbourChanged(port: Port, neighbour: number, mac: Uint8Array | null): void;
  /** A port's MTU or state has changed. */
  portChanged(port: Port): void;
}

interface Lan {
  quality: LinkQuality;
  mtu: number;
  isUp: boolean;
  /** What the kernel knows of its neighbours. */
  readonly known: Map<number, Uint8Array>;
}

export const MTU = 1500;
function makeLan(): Lan {
  return { quality: GOOD_LINK, mtu: MTU, isUp: true, known: new Map() };
}

const RESOLVE_MAX_MS = 40;
const BITS = 8;

export class Network {
  readonly lans: readonly [Lan, Lan];
  director!: DirectorPorts;
  private readonly machines = new Map<number, Receiver>();
  /** How often a machine was replaced. */
  private readonly numbers = new Map<number, number>();
  /** Machines that don't answer the kernel's question for their MAC address. */
  private readonly silent = new Set<number>();
  private readonly random: Random;

  constructor(private readonly world: World) {
    this.random = world.random.fork('network');
    this.lans = [makeLan(), makeLan()];
  }

  add(machine: Receiver): void {
    this.machines.set(machine.address, machine);
  }

  /** Tells a new director what its kernel knows. */
  lay(routes: Routes): void {
    for (const port of PORTS) this.layPort(routes, port);
    routes.setRoutes(siteRoutes());
    for (const port of PORTS) {
      for (const [neighbour, mac] of this.lans[port].known) {
        routes.setNeighbour(port, neighbour, mac);
      }
    }
  }

  layPort(routes: Routes, port: Port): void {
    const own = DIRECTOR[port];
    const { mtu, isUp } = this.lans[port];
    const name = port === OUTER ? 'outer' : 'inner';
    routes.setPort(port, { name, mac: macOf(own, 0), mtu, up: isUp, address: own });
  }

  /** From a machine to the director. */
  toDirector(port: Port, frame: Frame): void {
    frame.bytes.set(macOf(DIRECTOR[port], 0), 0);
    this.carry(port, frame, (arrived) => this.director.arrive(port, arrived));
  }

  /** From the director to the machine with the frame's MAC address. */
  fromDirector(port: Port, frame: Frame): void {
    const { bytes } = frame;
    const hop = read32(bytes, 2);
    this.checkFits(port, frame);
    this.carry(port, frame, (arrived) => {
      if (bytes[1] !== (this.numbers.get(hop) ?? 0)) {
        this.world.tally.add('frames to a machine that was replaced');
        return;
      }
      const target = read32(bytes, 14 + 16);
      if (nextHop(target) !== hop) {
        // What was damaged on its way may be meant for anyone.
        if (frame.corrupted) return;
        throw new Violation('delivery', `port ${port}: a frame went to the wrong machine`);
      }
      this.machines.get(target)?.receive(arrived);
    });
  }

  /** True once anything was damaged: then a wrong checksum proves nothing. */
  get wasDamaged(): boolean {
    return this.world.tally.counts['frames damaged'] !== undefined;
  }

  /** The kernel asks for a neighbour. */
  resolve(port: Port, neighbour: number): void {
    this.world.timeline.after(this.random.between(1, RESOLVE_MAX_MS), () => {
      if (this.lans[port].isUp && this.isThere(neighbour)) this.learn(port, neighbour);
    });
  }

  /** The kernel knows the neighbour's MAC address. */
  learn(port: Port, neighbour: number): void {
    const mac = macOf(neighbour, this.numbers.get(neighbour) ?? 0);
    this.lans[port].known.set(neighbour, mac);
    this.director.neighbourChanged(port, neighbour, mac);
  }

  /** The kernel forgets a neighbour. */
  forget(port: Port, neighbour: number): void {
    this.lans[port].known.delete(neighbour);
    this.director.neighbourChanged(port, neighbour, null);
  }

  /** The machine is replaced by another one with the same address. */
  replace(neighbour: number): void {
    this.numbers.set(neighbour, ((this.numbers.get(neighbour) ?? 0) + 1) & 0xff);
  }

  /** Whether the machine answers the kernel's questions. */
  setSilent(neighbour: number, isSilent: boolean): void {
    if (isSilent) this.silent.add(neighbour);
    else this.silent.delete(neighbour);
  }

  private isThere(neighbour: number): boolean {
    const exists = neighbour === GATEWAY || this.machines.has(neighbour);
    return exists && !this.silent.has(neighbour);
  }

  /** What leaves the director must fit its link: super-segments when they are cut. */
  private checkFits(port: Port, { bytes, offload }: Frame): void {
    const total = read16(bytes, 14 + 2);
    const piece = offload >>> OFFLOAD_GSO_SHIFT;
    const size = piece === 0 ? total : Math.min(total, piece + 40);
    const { mtu } = this.lans[port];
    if (size > mtu) throw new Violation('delivery', `port ${port}: ${size} bytes, MTU ${mtu}`);
  }

  private carry(port: Port, frame: Frame, deliver: (frame: Frame) => void): void {
    const { tally } = this.world;
    const { quality, isUp } = this.lans[port];
    if (!isUp || this.happens(quality.lose)) {
      tally.add('frames lost');
      return;
    }
    this.carryOne(port, frame, deliver);
    if (!this.happens(quality.double)) return;
    tally.add('frames doubled');
    this.carryOne(port, { ...frame, bytes: frame.bytes.slice() }, deliver);
  }

  private carryOne(port: Port, frame: Frame, deliver: (frame: Frame) => void): void {
    const { delayMinMs, delayMaxMs } = this.lans[port].quality;
    if (this.happens(this.lans[port].quality.damage)) this.damage(frame);
    const delayMs =
      delayMinMs === delayMaxMs ? delayMinMs : this.random.between(delayMinMs, delayMaxMs);
    this.world.timeline.after(delayMs, () => deliver(frame));
  }

  /** Flips one bit behind the MAC addresses: the Internet checksum finds every single one. */
  private damage(frame: Frame): void {
    if (frame.offload >>> OFFLOAD_GSO_SHIFT !== 0) return;
    // Only what is whole can be damaged detectably; a partial checksum covers nothing yet.
    if ((frame.offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0) {
      if (frame.corrupted) return;
      completeChecksum(frame);
    }
    const { bytes } = frame;
    const at = 2 * MAC_BYTES + this.random.below(bytes.length - 2 * MAC_BYTES);
    bytes[at] ^= 1 << this.random.below(BITS);
    frame.corrupted = true;
    this.world.tally.add('frames damaged');
  }

  private happens(probability: number): boolean {
    return probability > 0 && this.random.chance(probability);
  }
}
