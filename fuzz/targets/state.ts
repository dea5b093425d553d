/**
 * The tables of a director that was killed, with random words in them. Opening them is either refused with a
 * RegionError, or what is taken over keeps all invariants: packets, commands, listings and time go on with it.
 *
 *     input   0       1 ...
 *            +-------+------------------------------------------------+
 *            | image | patches: table, what to do, word (2), value (4) |
 *            +-------+------------------------------------------------+
 */
import { ticksUntil, TIMEOUT_MAX_TICKS } from '../../dataplane/clock.js';
import * as rec from '../../dataplane/conn/record.js';
import { IS_ACTIVE, STATE_COUNT } from '../../dataplane/conn/states.js';
import { Region, RegionError, VALID } from '../../dataplane/memory/region.js';
import type { DestinationTable } from '../../dataplane/service/destinations.js';
import { SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import { tableLayouts, type TableName } from '../../dataplane/state.js';
import { ControlError } from '../../src/control/api.js';
import { Random } from '../../sim/random.js';
import { checkInvariants } from '../../sim/invariants.js';
import { ByteMutator, interestingNumber } from '../bytes.js';
import { segment } from '../frames/frame-maker.js';
import { destinationSettings, serviceSettings } from '../../test/support/director.js';
import { CAPACITY, SERVICES, Site } from '../frames/site.js';
import { stateImages } from '../frames/images.js';
import { mustHold, type Target } from '../target.js';

const TABLES: TableName[] = [
  'connections', 'connections', 'connections', 'destinations', 'destinations', 'services', 'journal',
  'statistics', 'settings', 'drops', 'meters',
]; // prettier-ignore
const PATCH_BYTES = 8;
const PATCHES_MAX = 40;
const DEEDS = 5;
const TCP = 6;
const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** So much later than its timeout says a template can end that waits for its connections. */
const LATENESS_TICKS = 2048;
const BUDGET = 100_000;
const ADVANCES_MAX = 100;
const PAUSE_TICKS = 60_000;
/** The parts of the check that take long are made for one in so many inputs. */
const THOROUGH_EVERY = 16;

export class StateTarget implements Target {
  readonly name = 'state';
  readonly about = 'tables of a killed director with random words in them';
  private readonly bytes = new ByteMutator(1 + PATCHES_MAX * PATCH_BYTES);
  private clock = { ticks: 0 };
  private site!: Site;
  private images: Uint8Array[][] = [];
  private runs = 0;

  seeds(): Uint8Array[] {
    return Array.from({ length: 16 }, (_, image) => Uint8Array.of(image));
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    if (random.chance(0.1)) return this.bytes.mutate(input, other, random);
    const patches: number[] = [...input];
    const count = 1 + random.below(random.chance(0.8) ? 3 : 20);
    for (let i = 0; i < count; i++) this.changePatches(patches, random);
    return Uint8Array.from(patches.slice(0, 1 + PATCHES_MAX * PATCH_BYTES));
  }

  async reset(): Promise<void> {
    this.clock = { ticks: 0x7fff0000 };
    this.runs = 0;
    this.site = new Site(this.clock);
    await this.site.setUp();
    if (this.images.length === 0) this.images = await stateImages();
  }

  async run(input: Uint8Array): Promise<number> {
    const { site } = this;
    this.runs += 1;
    site.load(this.images[(input[0] ?? 0) % this.images.length]);
    for (let at = 1; at + PATCH_BYTES <= input.length; at += PATCH_BYTES) this.patch(input, at);
    if (this.runs % THOROUGH_EVERY === 0) await this.lookOn();
    if (this.open()) {
      site.takeOver();
      this.check();
      if (this.runs % THOROUGH_EVERY === 0) await this.goOn();
    }
    return 1;
  }

  private changePatches(patches: number[], random: Random): void {
    if (patches.length > PATCH_BYTES && random.chance(0.2)) {
      const patch = random.below(Math.floor(patches.length / PATCH_BYTES));
      patches.splice(1 + patch * PATCH_BYTES, PATCH_BYTES);
      return;
    }
    const word = random.chance(0.5) ? random.below(512) : random.below(0x10000);
    const values = [VALID, VALID, random.below(32), random.below(128), 0x75767352];
    const value = random.chance(0.5) ? random.of(values) : interestingNumber(random);
    patches.push(random.below(256), random.below(256), word & 0xff, word >> 8);
    patches.push(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
  }

  private patch(input: Uint8Array, at: number): void {
    const words = this.site.words(TABLES[input[at] % TABLES.length]);
    const word = (input[at + 2] | (input[at + 3] << 8)) % words.length;
    const value =
      input[at + 4] | (input[at + 5] << 8) | (input[at + 6] << 16) | (input[at + 7] << 24);
    switch (input[at + 1] % DEEDS) {
      case 0:
        words[word] ^= 1 << (value & 31);
        break;
      case 1:
        words[word] += (value & 0xff) - 128;
        break;
      case 2:
        words[word] = words[(value >>> 0) % words.length];
        break;
      default:
        words[word] = value;
    }
  }

  /** As whoever opens tables does it. */
  private open(): boolean {
    try {
      for (const [name, { layout, capacity }] of Object.entries(tableLayouts(CAPACITY))) {
        const region = new Region(layout, capacity, this.site.memory[name as TableName]);
        mustHold(region.highWater <= capacity, 'no more records are in use than there are');
      }
      return true;
    } catch (error) {
      if (error instanceof RegionError) return false;
      throw error;
    }
  }

  private check(): void {
    const { state } = this.site.server;
    checkInvariants(state);
    const { connections, destinations } = state;
    for (let c = 1; c <= connections.highWater; c++) {
      if (connections.isLive(c)) checkConnection(connections.words, c * WORDS, this.clock.ticks);
    }
    for (let d = 1; d <= destinations.highWater; d++) {
      if (destinations.isLive(d)) checkDestination(destinations, d);
    }
    for (const name of SETTING_NAMES) {
      const value = state.settings.get(name);
      mustHold(value >= SETTINGS[name].min && value <= SETTINGS[name].max, 'settings are in range');
    }
    for (const timeout of state.timeouts) mustHold(timeout > 0, 'timeouts are positive');
  }

  /** Another process that looks at the tables as they are: whatever it sees, it comes to an end. */
  private async lookOn(): Promise<void> {
    if (!this.open()) return;
    const { server } = this.site;
    await server.services();
    for await (const batch of server.connections())
      mustHold(batch.length <= CAPACITY.connections, 'each once');
  }

  /** Packets, commands, listings and time. */
  private async goOn(): Promise<void> {
    const { server } = this.site;
    for (const frame of trafficOf(this.runs)) {
      server.engine.process(frame, 0, frame.length, 0, 0, this.clock.ticks);
    }
    checkNumbers(await server.services());
    await this.command();
    this.clock.ticks = (this.clock.ticks + PAUSE_TICKS) | 0;
    let calls = 0;
    while (server.advance(this.clock.ticks, BUDGET)) {
      mustHold(++calls < ADVANCES_MAX, 'the work that time brings has an end');
    }
    this.check();
  }

  private async command(): Promise<void> {
    const { server } = this.site;
    const [key, settings] = SERVICES[this.runs % SERVICES.length];
    const destination = { family: 'inet', address: '10.2.0.7', port: 8080 } as const;
    try {
      await server.addDestination(key, destination, destinationSettings({}));
      await server.editService(key, serviceSettings({ ...settings, scheduler: 'wrr' }));
      await server.deleteService(key);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  }
}

/** A connection is one that the engine itself can have brought to this state. */
function checkConnection(words: Int32Array, base: number, now: number): void {
  const flags = words[base + rec.W_FLAGS];
  const state = words[base + rec.W_META] & 0xff;
  const left = ticksUntil(words[base + rec.W_DEADLINE], now);
  mustHold(left <= TIMEOUT_MAX_TICKS + LATENESS_TICKS, 'every connection ends some day');
  mustHold(((words[base + rec.W_META] >>> 8) & 0xff) === TCP, 'connections are of TCP');
  mustHold((flags & rec.F_FORWARD_MASK) === 0, 'connections are masqueraded');
  if ((flags & rec.F_TEMPLATE) !== 0) {
    mustHold(state <= rec.TEMPLATE_ASSURED, 'a template is assured or not');
  } else {
    mustHold(state < STATE_COUNT, 'connections have a state that there is');
    const isInactive = (flags & rec.F_INACTIVE) !== 0;
    mustHold(isInactive === (IS_ACTIVE[state] === 0), 'the state says whether one is active');
  }
}

function checkDestination(destinations: DestinationTable, d: number): void {
  const port = destinations.port(d);
  mustHold(port >= 0 && port <= 0xffff, 'ports are ports');
  mustHold(destinations.weight(d) >= 0 && destinations.lastWeight(d) >= 0, 'weights are positive');
  mustHold(destinations.forward(d) === 0, 'servers are masqueraded');
  const [lower, upper] = [destinations.lowerThreshold(d), destinations.upperThreshold(d)];
  mustHold(lower >= 0 && lower <= upper, 'thresholds are in order');
}

const numberedFrames: Uint8Array[][] = [];

/** A few segments from clients to services, made once. */
function trafficOf(run: number): Uint8Array[] {
  const frames = (numberedFrames[run % SERVICES.length] ??= SERVICES.map(([key], i) => {
    const destination = key.address === '10.1.0.100' ? 0x0a010064 : 0x0a010065;
    const ends = { source: 0x0a010002 + i, sourcePort: 4000 + (run % 4), destination };
    return segment({ ...ends, destinationPort: key.port }, new Random(run + i));
  }));
  return frames.map((frame) => frame.slice());
}

function checkNumbers(value: unknown): void {
  if (typeof value === 'number') mustHold(Number.isFinite(value), 'listings have numbers');
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach(checkNumbers);
}
