/**
 * Keeps what is hidden from the kernel in step with the services, in an order in which nothing goes wrong: a
 * new endpoint is hidden before the engine knows it (or the kernel would answer a client with RST), an old one
 * is given back after the engine has let go of it.
 */
import type { Endpoint } from '../../dataplane/service/endpoints.js';
import type { Endpoints } from './endpoints.js';
import type { Log } from './log.js';

export interface InterceptSyncOptions {
  /** What the engine needs at the moment. */
  wanted: () => Endpoints;
  /** Hides exactly these from the kernel. Where it fails nobody knows what is hidden, until it succeeds. */
  apply: (endpoints: Endpoints) => void | Promise<void>;
  log: Log;
}

export class InterceptSync {
  /** Endpoints of changes that are under way. */
  private readonly coming = new Set<Endpoints>();
  private applied = '';
  private current: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;

  constructor(private readonly options: InterceptSyncOptions) {}

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
    this.coming.add(endpoints);
    try {
      await this.settle();
      return await change();
    } finally {
      this.coming.delete(endpoints);
      await this.settleOrWarn();
    }
  }

  private async apply(): Promise<void> {
    const all = [this.options.wanted(), ...this.coming];
    const endpoints = {
      virtual: distinct(all.flatMap(({ virtual }) => virtual)),
      real: distinct(all.flatMap(({ real }) => real)),
    };
    const signature = JSON.stringify(endpoints);
    if (signature === this.applied) return;
    this.applied = '';
    await this.options.apply(endpoints);
    this.applied = signature;
  }
}

function distinct(endpoints: Endpoint[]): Endpoint[] {
  const sorted = endpoints.toSorted((a, b) => a.address - b.address || a.port - b.port);
  return sorted.filter(
    ({ address, port }, i) =>
      i === 0 || address !== sorted[i - 1].address || port !== sorted[i - 1].port,
  );
}
