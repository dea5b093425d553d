/**
 * The director: a data plane that lives, dies and is started again by the real supervisor; the receive rings that
 * outlive it, the packet filter that stays, the kernel behind it, and commands that wait for their turn.
 */
import { msToTicks } from '../dataplane/clock.js';
import { RegionError } from '../dataplane/memory/region.js';
import { allocateMemory, heapMemory, type Capacity, type StateMemory } from '../dataplane/state.js';
import { ControlError } from '../src/control/api.js';
import type { VirtualServer } from '../src/virtual-server/virtual-server.js';
import type { Flows } from './clients.js';
import { checkTables, Deaths, type Sentence } from './deaths.js';
import { Interception } from './interception.js';
import { Kernel } from './kernel.js';
import type { DirectorPorts, Network } from './network.js';
import { type Frame, View } from './packet.js';
import { emptyDriver, makeDriver, Plane } from './plane.js';
import type { Random } from './random.js';
import type { Port } from './site.js';
import { Witness } from './witness.js';
import type { World } from './world.js';

export const CAPACITY: Capacity = { connections: 600, services: 16, destinations: 64 };
/** Frames the receive rings hold. */
const RING_FRAMES = 256;
const BURSTS_PER_TURN = 16;
/** Between two looks at the timers: while there is traffic, while there is none, while there is nothing. */
const BUSY_MS = 100;
const IDLE_MS = 1000;
const EMPTY_MS = 20_000;
/** As long after the last frame the director counts as busy. */
const BUSY_FOR_MS = 500;
/** Turns between two looks at the figures, and at all tables. */
const FIGURES_EVERY = 16;
const INVARIANTS_EVERY = 1024;

export interface DirectorOptions {
  startTicks: number;
  plant: (server: VirtualServer) => void;
  /** The data plane is dead; `isFault`: by an error of its own. */
  onDeath: (isFault: boolean) => void;
}

const view = new View();

export class Director implements DirectorPorts {
  readonly interception = new Interception();
  readonly witness: Witness;
  plane: Plane | null = null;
  memory: StateMemory = allocateMemory(CAPACITY, heapMemory);
  /** It doesn't move: hung, or its machine is stopped. */
  isStill = false;
  readonly deaths: Deaths;
  /** Most frames the network takes from one flush. */
  flushLimit = Number.MAX_SAFE_INTEGER;
  private readonly kernel: Kernel;
  private readonly random: Random;
  private readonly driver = makeDriver();
  private ring: Frame[] = [];
  private turnAtMs = Number.POSITIVE_INFINITY;
  private turns = 0;
  private lastFrameMs = 0;
  private advancedTicks = 0;
  private commands = 0;
  constructor(
    private readonly world: World,
    private readonly network: Network,
    private readonly flows: Flows,
    private readonly options: DirectorOptions,
  ) {
    this.random = world.random.fork('director');
    this.deaths = new Deaths(world.tally);
    this.witness = new Witness(world, flows, this.interception);
    this.kernel = new Kernel(world, network, this.witness);
    network.director = this;
  }

  readonly clock = (): number =>
    (this.options.startTicks + msToTicks(this.world.timeline.nowMs)) | 0;

  // --- from the network --------------------------------------------------------------------------------

  arrive(port: Port, frame: Frame): void {
    frame.port = port;
    this.world.tally.add('frames to the director');
    if (this.plane === null) {
      view.read(frame.bytes, 0, frame.bytes.length);
      if (view.kind !== 'tcp' || !this.interception.hides(view)) {
        this.kernel.receive(frame);
        return;
      }
    }
    if (this.ring.length >= RING_FRAMES) {
      this.world.tally.add('frames the receive ring had no room for');
      return;
    }
    this.ring.push(frame);
    this.lastFrameMs = this.world.timeline.nowMs;
    this.wake(0);
  }

  neighbourChanged(port: Port, neighbour: number, mac: Uint8Array | null): void {
    if (this.plane === null) return;
    const hop = this.plane.server.routes.setNeighbour(port, neighbour, mac);
    if (hop !== 0 && mac !== null) this.plane.loop.parking.hopResolved(hop);
    this.collect(this.plane);
  }

  portChanged(port: Port): void {
    if (this.plane !== null) this.network.layPort(this.plane.server.routes, port);
  }

  // --- life and death ----------------------------------------------------------------------------------

  /** Takes the tables over, unless it dies of it, or they can't be read. */
  async activate(): Promise<'runs' | 'died' | 'refused'> {
    const { world, network, interception, witness, memory } = this;
    try {
      this.plane = new Plane({
        driver: this.driver,
        memory,
        capacity: CAPACITY,
        hashKey: [this.random.int32(), this.random.int32()],
        clock: this.clock,
        network,
        interception,
        witness,
        plant: this.options.plant,
      });
    } catch (error) {
      if (!(error instanceof RegionError)) throw error;
      this.plane = null;
      world.tally.add('tables that were not to be read');
      return 'refused';
    }
    const { server } = this.plane;
    const { plane } = this;
    if (await this.dies('restart', () => this.deaths.takeOver(server))) return 'died';
    plane.audited.begin();
    await this.deaths.checkRecovery(plane, this.memory);
    witness.nowTicks = this.clock();
    witness.checkRemembered();
    interception.takeAll(server.interceptedEndpoints);
    this.advancedTicks = this.clock();
    world.tally.add('data planes started');
    world.trace.event(1, () => 'the data plane runs');
    this.wake(0);
    return 'runs';
  }

  /** Ends the data plane between two steps. */
  async kill(isFault: boolean, withRings: boolean): Promise<void> {
    if (this.plane === null) return;
    await this.deaths.remember(this.plane, this.memory);
    this.world.tally.add('deaths between steps');
    this.die(isFault, withRings);
  }

  /** Puts tables aside: the next data plane begins with empty ones. */
  setAside(tables: 'connections' | 'all'): void {
    const fresh = allocateMemory(CAPACITY, heapMemory);
    this.memory = tables === 'all' ? fresh : { ...this.memory, connections: fresh.connections };
    this.deaths.forget();
    this.flows.forgiveAll('the tables were put aside');
    this.world.tally.add('tables put aside');
  }

  /** Ends the data plane, and has something overwrite words of its tables. */
  async killAndDamage(random: Random): Promise<void> {
    await this.kill(false, true);
    this.deaths.damage(this.memory, random);
    this.flows.forgiveAll('the tables were damaged');
  }

  /** Ends the data plane. Its rings may outlive it, with what it was at work on. */
  die(isFault: boolean, withRings: boolean): void {
    const { plane } = this;
    if (plane === null) return;
    this.world.trace.event(2, () => 'the data plane dies');
    for (const { port, bytes, offload } of plane.driver.takeSent()) {
      this.network.fromDirector(port as Port, { port, bytes, offload, corrupted: false });
    }
    this.ring = withRings ? [...plane.remains(), ...this.ring] : [];
    emptyDriver(this.driver);
    this.plane = null;
    this.isStill = false;
    this.options.onDeath(isFault);
  }

  /** A command, made whole by the journal. Waits while there is no data plane that could carry it out. */
  async command(make: (server: VirtualServer) => Promise<unknown>): Promise<void> {
    if (this.plane === null || this.isStill) {
      this.world.timeline.after(BUSY_MS, () => this.command(make));
      return;
    }
    const { server } = this.plane;
    this.commands += 1;
    const number = this.commands;
    const perform = (): Promise<void> => server.whole(number, () => make(server));
    this.world.tally.add('commands');
    try {
      if (this.deaths.sentence?.step === 'command') await this.rehearse(number, make);
      await this.dies('command', perform);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.world.tally.add('commands refused');
    }
    this.wake(0);
  }

  /** Everything that can be checked between two steps. */
  check(): void {
    const { plane } = this;
    if (plane === null) return;
    plane.checkFigures();
    checkTables(plane);
    this.interception.check(plane.server.interceptedEndpoints);
  }

  // --- turns -------------------------------------------------------------------------------------------

  /** Has the data plane run in so many milliseconds at the latest. */
  wake(delayMs: number): void {
    const atMs = this.world.timeline.nowMs + delayMs;
    if (atMs >= this.turnAtMs) return;
    this.turnAtMs = atMs;
    this.world.timeline.after(delayMs, () => {
      if (this.turnAtMs !== atMs) return undefined;
      this.turnAtMs = Number.POSITIVE_INFINITY;
      return this.turn();
    });
  }

  private turn(): void | Promise<void> {
    const { plane } = this;
    if (plane === null || this.isStill) return;
    const step = this.deaths.sentence?.step;
    const isLast = step === 'timers' || (step === 'packets' && this.ring.length > 0);
    if (isLast) return this.lastTurn(plane, step);
    this.run(plane);
    this.followSettings(plane);
    this.turns += 1;
    if (this.turns % FIGURES_EVERY === 0) plane.checkFigures();
    if (this.turns % INVARIANTS_EVERY === 0) this.check();
  }

  /** Some settings change what can be expected of connections. */
  private followSettings({ server }: Plane): void {
    const { settings } = server.state;
    if (settings.dropEntry > 1) this.flows.forgiveAll('connections are thinned out');
    if (settings.strictTcp === 1) this.witness.wasStrict = true;
  }

  private run(plane: Plane): void {
    plane.driver.flushLimit = this.flushLimit;
    plane.audited.onLeft = (frame) => this.kernel.receive(frame);
    for (let i = 0; i < BURSTS_PER_TURN && this.ring.length > 0; i++) {
      plane.burst(this.ring, this.clock());
      this.collect(plane);
    }
    // The worker goes on until there is nothing to receive.
    if (this.ring.length === 0) plane.burst(this.ring, this.clock());
    const isMore = this.advance(plane);
    this.collect(plane);
    this.wake(this.pause(plane, isMore));
  }

  private advance(plane: Plane): boolean {
    const now = this.clock();
    if (now === this.advancedTicks) return false;
    plane.loop.parking.advance(now);
    const isMore = plane.server.advance(now, 4096);
    if (!isMore) this.advancedTicks = now;
    return isMore;
  }

  /** A turn in which it dies. */
  private async lastTurn(plane: Plane, step: 'timers' | 'packets'): Promise<void> {
    await this.dies(step, () => {
      if (step === 'timers') this.advance(plane);
      else plane.burst(this.ring, this.clock());
    });
  }

  private pause(plane: Plane, isMore: boolean): number {
    if (this.ring.length > 0 || isMore || plane.waiting > 0) return 1;
    const isBusy = this.world.timeline.nowMs - this.lastFrameMs < BUSY_FOR_MS;
    if (isBusy || plane.loop.parking.frames > 0) return BUSY_MS;
    const { connections, trash } = plane.server.state;
    return connections.count > 0 || trash.entries.length > 0 ? IDLE_MS : EMPTY_MS;
  }

  private collect(plane: Plane): void {
    for (const { port, bytes, offload } of plane.driver.takeSent()) {
      this.network.fromDirector(port as Port, { port, bytes, offload, corrupted: false });
    }
    for (const { port, bytes, offload } of plane.driver.takeHandedBack()) {
      this.kernel.receive({ port, bytes, offload, corrupted: false });
    }
  }

  // --- dying ------------------------------------------------------------------------------------------

  /** Runs a step, and dies where it was to die in it. @returns true where it did */
  private async dies(step: Sentence['step'], run: () => unknown): Promise<boolean> {
    const { plane } = this;
    if (plane === null || !(await this.deaths.endsIn(step, plane, this.memory, run))) return false;
    this.die(this.random.chance(0.2), this.random.chance(0.8));
    return true;
  }

  private rehearse(number: number, make: (server: VirtualServer) => unknown): Promise<void> {
    const command = {
      memory: this.memory,
      capacity: CAPACITY,
      clock: this.clock,
      prepare: ({ routes }: VirtualServer) => this.network.lay(routes),
      run: (server: VirtualServer) => server.whole(number, async () => make(server)),
      plant: this.options.plant,
    };
    return this.deaths.rehearse(command, this.random);
  }
}
