/**
 * Who connects when: phases of much and of little traffic, noise from nobody in between, and at the end one
 * connection to each service that must work.
 */
import { read16, write16 } from '../dataplane/wire/bytes.js';
import { Client, Flows } from './clients.js';
import type { Flow } from './flow.js';
import type { Network } from './network.js';
import { makeSegment } from './packet.js';
import type { Random } from './random.js';
import { SERVICES } from './commands.js';
import { Server } from './servers.js';
import { CLIENTS, INNER, NOISE_NET, OUTER, SERVERS, VIPS } from './site.js';
import type { World } from './world.js';

/** Connections a second, and seconds that a phase lasts. */
const RATE = { min: 0.002, max: 2 };
const BUSY_RATE = { min: 0.5, max: 6 };
const PHASE_SECONDS = { min: 10, max: 1200 };
/** Frames of noise a second; a tenth of the noisy phases are floods. */
const NOISE_RATE = { min: 0.05, max: 3 };
const FLOOD_RATE = { min: 20, max: 100 };
const FLAGS = [0x02, 0x02, 0x02, 0x10, 0x18, 0x11, 0x04, 0x14, 0x12, 0x00, 0x3f];
/** Most connections that may be under way at a time, more than the director has room for. */
const OPEN_MAX = 700;

export class Traffic {
  private readonly clients: Client[];
  private readonly random: Random;
  private readonly noise: Random;
  private isOver = false;
  private rate = 0;
  private noiseRate = 0;
  private phase = 0;

  constructor(
    private readonly world: World,
    private readonly network: Network,
    private readonly flows: Flows,
  ) {
    this.random = world.random.fork('traffic');
    this.noise = world.random.fork('noise');
    const clientsRandom = world.random.fork('clients');
    this.clients = CLIENTS.map(
      (address) => new Client(world, network, address, flows, clientsRandom),
    );
    for (const client of this.clients) network.add(client);
    for (const address of SERVERS) network.add(new Server(world, network, address, flows));
  }

  start(withNoise: boolean): void {
    this.beginPhase(true, withNoise);
  }

  stop(): void {
    this.isOver = true;
    this.phase += 1;
  }

  /** A connection to a service, from any client that has a free port. */
  open(vip: number, port: number): Flow | null {
    return this.random.of(this.clients).open(vip, port);
  }

  private beginPhase(isBusy: boolean, withNoise: boolean): void {
    if (this.isOver) return;
    this.phase += 1;
    const { random, noise } = this;
    const range = isBusy ? BUSY_RATE : RATE;
    this.rate = random.logarithmic(range.min, range.max);
    const isFlood = noise.chance(0.1);
    const noiseRange = isFlood ? FLOOD_RATE : NOISE_RATE;
    this.noiseRate = noise.logarithmic(noiseRange.min, noiseRange.max);
    const seconds = random.logarithmic(PHASE_SECONDS.min, PHASE_SECONDS.max);
    this.world.trace.event(8, () => `${this.rate.toFixed(3)} connections/s for ${seconds} s`);
    this.nextConnection(this.phase);
    // Nobody floods for a long time.
    if (withNoise && noise.chance(0.5)) this.nextNoise(this.phase, isFlood ? 500 : 20_000);
    this.world.timeline.after(seconds * 1000, () => this.beginPhase(false, withNoise));
  }

  private nextConnection(phase: number): void {
    this.world.timeline.after(this.pause(this.random, this.rate), () => {
      if (phase !== this.phase) return;
      if (this.flows.open.size < OPEN_MAX) {
        const { vip, port } = this.random.of(SERVICES);
        this.open(vip, this.random.chance(0.03) ? 7 : port);
      }
      this.nextConnection(phase);
    });
  }

  private nextNoise(phase: number, left: number): void {
    this.world.timeline.after(this.pause(this.noise, this.noiseRate), () => {
      if (phase !== this.phase || left === 0) return;
      this.makeNoise();
      this.nextNoise(phase, left - 1);
    });
  }

  /** Milliseconds to the next of so many events a second that have nothing to do with each other. */
  private pause(random: Random, rate: number): number {
    const uniform = (random.below(1 << 20) + 1) / (1 << 20);
    return (-Math.log(uniform) * 1000) / rate;
  }

  /** A segment, or something like one, that belongs to nothing. */
  private makeNoise(): void {
    const { noise } = this;
    const stranger = NOISE_NET + noise.between(1, 254);
    const isInner = noise.chance(0.2);
    const port = noise.chance(0.7) ? noise.of(SERVICES).port : noise.below(0x10000);
    const length = noise.chance(0.7) ? 0 : noise.between(1, 1400);
    const fields = {
      source: isInner ? noise.of(SERVERS) : stranger,
      sourcePort: isInner ? port : noise.below(0x10000),
      destination: isInner ? stranger : noise.of(VIPS),
      destinationPort: isInner ? noise.below(0x10000) : port,
      sequence: noise.int32(),
      acknowledgment: noise.int32(),
      flags: noise.of(FLAGS),
    };
    const payload = { stream: 1, position: 0, length, pieceBytes: 0 };
    const frame = makeSegment(fields, length === 0 ? null : payload, false);
    if (noise.chance(0.1)) {
      // Another protocol, or no IPv4 at all.
      if (noise.chance(0.5)) frame.bytes[14 + 9] = noise.below(256);
      else write16(frame.bytes, 12, read16(frame.bytes, 12) ^ (1 << noise.below(16)));
      frame.corrupted = true;
    }
    this.world.tally.add('frames of noise');
    this.network.toDirector(isInner ? INNER : OUTER, frame);
  }
}
