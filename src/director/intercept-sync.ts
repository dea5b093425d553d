/**
 * Keeps what is hidden from the kernel in step with the services, in an order in which nothing goes wrong: a
 * new endpoint is hidden before the engine knows it (or the kernel would answer a client with RST), an old one
 * is given back after the engine has let go of it.
 */
import { EndpointSet, type Endpoint } from '../../dataplane/service/endpoints.js';
import type { Endpoints, Side, WantedEndpoints } from '../virtual-server/endpoints.js';
import type { Log } from './log.js';

export interface HiddenChange {
  /** What is to be hidden and isn't yet, and what is to be given back. */
  added: Endpoints;
  removed: Endpoints;
  /** All that is hidden after the change, in ascending order. */
  all: () => Endpoints;
  /** At the beginning, and after a failure: nobody knows what is hidden now, it is to be made `all`. */
  isWhole: boolean;
}

export interface InterceptSyncOptions {
  /** What the engine needs at the moment. */
  wanted: () => WantedEndpoints;
  /** Makes a change of what is hidden from the kernel; leaves everything as it was where it fails. */
  apply: (change: HiddenChange) => void | Promise<void>;
  log: Log;
}

const SIDES: readonly Side[] = ['virtual', 'real'];

export class InterceptSync {
  /** What is hidden, and what changes that are under way need. */
  private readonly hidden = { virtual: new EndpointSet(), real: new EndpointSet() };
  private readonly coming = { virtual: new EndpointSet(), real: new EndpointSet() };
  /** What may not be in line. */
  private touched: Endpoints | 'all' = 'all';
  /** Nobody knows what is hidden: nothing has been done yet, or it failed. */
  private isUncertain = true;
  private current: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;

  constructor(private readonly options: InterceptSyncOptions) {}

  /** These endpoints, or all, may have come or gone: `settle` brings them in line. */
  touch(endpoints: Endpoints | 'all'): void {
    if (endpoints === 'all' || this.touched === 'all') {
      this.touched = 'all';
      return;
    }
    for (const side of SIDES) this.touched[side].push(...endpoints[side]);
  }

  /**
   * Brings interception in line; rejects where that fails. Calls that come while one is under way share the
   * next one.
   */
  settle(): Promise<void> {
    this.next ??= this.current.then(() => {
      this.next = null;
      return this.apply();
    });
    const settled = this.next;
    this.current = settled.catch(() => {});
    return settled;
  }

  /** As `settle`, for those who can't do anything about a failure: it is logged, the next change tries again. */
  async settleOrWarn(): Promise<void> {
    try {
      await this.settle();
    } catch (error) {
      this.options.log.error('interception not in line', { reason: (error as Error).message });
    }
  }

  /** Hides `endpoints`, then makes a change that needs them; without interception the change isn't made. */
  async changeBehind<T>(endpoints: Endpoints, change: () => Promise<T>): Promise<T> {
    this.announce(endpoints, 'add');
    try {
      await this.settle();
      return await change();
    } finally {
      this.announce(endpoints, 'remove');
      await this.settleOrWarn();
    }
  }

  private announce(endpoints: Endpoints, how: 'add' | 'remove'): void {
    for (const side of SIDES) {
      for (const { address, port } of endpoints[side]) this.coming[side][how](address, port);
    }
    this.touch(endpoints);
  }

  private async apply(): Promise<void> {
    const { touched } = this;
    this.touched = { virtual: [], real: [] };
    const added: Endpoints = { virtual: [], real: [] };
    const removed: Endpoints = { virtual: [], real: [] };
    for (const side of SIDES) {
      for (const endpoint of this.candidates(side, touched)) {
        const isHidden = this.hidden[side].contains(endpoint.address, endpoint.port);
        if (this.isWanted(side, endpoint) === isHidden) continue;
        (isHidden ? removed : added)[side].push(endpoint);
      }
    }
    const count = SIDES.reduce((sum, side) => sum + added[side].length + removed[side].length, 0);
    if (count === 0 && !this.isUncertain) return;
    this.enter(added, removed);
    const isWhole = this.isUncertain;
    try {
      await this.options.apply({ added, removed, all: () => this.allHidden(), isWhole });
      this.isUncertain = false;
    } catch (error) {
      this.enter(removed, added);
      this.touched = 'all';
      this.isUncertain = true;
      throw error;
    }
  }

  /** What is to be looked at on one side, each endpoint once. */
  private candidates(side: Side, touched: Endpoints | 'all'): Endpoint[] {
    if (touched !== 'all') return distinct(touched[side]);
    const wanted = this.options.wanted().all[side];
    return distinct([...wanted, ...this.coming[side], ...this.hidden[side]]);
  }

  private isWanted(side: Side, endpoint: Endpoint): boolean {
    const isComing = this.coming[side].contains(endpoint.address, endpoint.port);
    return isComing || this.options.wanted().has(side, endpoint);
  }

  /** Notes what is hidden; before it is made so, for `all`. */
  private enter(added: Endpoints, removed: Endpoints): void {
    for (const side of SIDES) {
      for (const { address, port } of added[side]) this.hidden[side].add(address, port);
      for (const { address, port } of removed[side]) this.hidden[side].remove(address, port);
    }
  }

  private allHidden(): Endpoints {
    return { virtual: distinct([...this.hidden.virtual]), real: distinct([...this.hidden.real]) };
  }
}

/** In ascending order, each once. */
function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  const sorted = endpoints.toSorted((a, b) => a.address - b.address || a.port - b.port);
  return sorted.filter(
    ({ address, port }, i) =>
      i === 0 || address !== sorted[i - 1].address || port !== sorted[i - 1].port,
  );
}
