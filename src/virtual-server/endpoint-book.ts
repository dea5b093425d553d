/**
 * Keeps the engine's sets of endpoints in step with services and servers, record by record: after a change
 * only the records that it was about are looked at, so that setting up ten thousand servers costs ten thousand
 * looks and not their square.
 */
import type { Endpoint, EndpointSet } from '../../dataplane/service/endpoints.js';
import type { State } from '../../dataplane/state.js';
import { type Endpoints, realEndpoint, type Side, virtualEndpoint } from './endpoints.js';

/** What a record has in the sets. */
interface Holding {
  virtual?: Endpoint;
  real?: Endpoint;
  server?: Endpoint;
}

const NOTHING: Holding = {};

export class EndpointBook {
  /** By record number. */
  private readonly ofServices: Holding[] = [];
  private readonly ofDestinations: Holding[] = [];
  private touched: Endpoints = { virtual: [], real: [] };
  private wasActive = false;

  constructor(private readonly state: State) {}

  /**
   * All that is ours at the moment. Nothing while there is no service: then ip_vs, too, is out of the packets'
   * way.
   */
  get all(): Endpoints {
    if (!this.isActive) return { virtual: [], real: [] };
    return { virtual: [...this.setOf('virtual')], real: [...this.setOf('real')] };
  }

  has(side: Side, { address, port }: Endpoint): boolean {
    return this.isActive && this.setOf(side).contains(address, port);
  }

  noteService(service: number): void {
    const { services } = this.state;
    const before = this.ofServices[service] ?? NOTHING;
    const isLive = service <= services.highWater && services.isLive(service);
    const after = isLive
      ? {
          virtual: virtualEndpoint(
            services.address(service),
            services.port(service),
            services.isPersistent(service),
          ),
        }
      : NOTHING;
    this.ofServices[service] = this.exchange(before, after);
  }

  noteDestination(destination: number): void {
    const before = this.ofDestinations[destination] ?? NOTHING;
    this.ofDestinations[destination] = this.exchange(before, this.holdingOf(destination));
  }

  noteAll(): void {
    const services = Math.max(this.state.services.highWater, this.ofServices.length - 1);
    const destinations = Math.max(
      this.state.destinations.highWater,
      this.ofDestinations.length - 1,
    );
    for (let s = 1; s <= services; s++) this.noteService(s);
    for (let d = 1; d <= destinations; d++) this.noteDestination(d);
  }

  /**
   * What may have come or gone since this was last asked: `has` tells which. "all" where it may be everything,
   * null where it is nothing.
   */
  takeTouched(): Endpoints | 'all' | null {
    const { touched, isActive } = this;
    this.touched = { virtual: [], real: [] };
    if (isActive !== this.wasActive) {
      this.wasActive = isActive;
      return 'all';
    }
    return touched.virtual.length + touched.real.length > 0 ? touched : null;
  }

  private get isActive(): boolean {
    return this.state.services.count > 0;
  }

  private setOf(side: Side): EndpointSet {
    return side === 'virtual' ? this.state.virtualEndpoints : this.state.realEndpoints;
  }

  /** A server's packets are ours, and after it was deleted the packets of its connections on both sides. */
  private holdingOf(destination: number): Holding {
    const { destinations } = this.state;
    const isLive = destination <= destinations.highWater && destinations.isLive(destination);
    if (!isLive) return NOTHING;
    const address = destinations.address(destination);
    const port = destinations.port(destination);
    const virtualPort = destinations.virtualPort(destination);
    const real = realEndpoint(address, port, virtualPort);
    if (destinations.isAvailable(destination)) return { real, server: { address, port } };
    const virtualAddress = destinations.virtualAddress(destination);
    return { real, virtual: virtualEndpoint(virtualAddress, virtualPort, false) };
  }

  /** Takes the new ones in before the old ones go: what stays is never missing. */
  private exchange(before: Holding, after: Holding): Holding {
    for (const side of ['virtual', 'real'] as const) {
      const [old, now] = [before[side], after[side]];
      if (now !== undefined && this.setOf(side).add(now.address, now.port)) this.touch(side, now);
      if (old !== undefined && this.setOf(side).remove(old.address, old.port)) {
        this.touch(side, old);
      }
    }
    const { servers } = this.state;
    if (after.server !== undefined) servers.add(after.server.address, after.server.port);
    if (before.server !== undefined) servers.remove(before.server.address, before.server.port);
    return after;
  }

  private touch(side: Side, endpoint: Endpoint): void {
    this.touched[side].push(endpoint);
  }
}
