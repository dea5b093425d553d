/** What is to be hidden from the kernel, as the worker said last: it goes on holding while there is none. */
import type { Endpoint } from '../../dataplane/service/endpoints.js';
import type { Endpoints, Side, WantedEndpoints } from '../virtual-server/endpoints.js';
import type { FromWorker } from '../worker/messages.js';

const PORTS = 65_536;

export class WantedMirror implements WantedEndpoints {
  private readonly sides = {
    virtual: new Map<number, Endpoint>(),
    real: new Map<number, Endpoint>(),
  };
  /** Nothing is hidden: the packets are released to the kernel. */
  private isReleased = false;

  get all(): Endpoints {
    if (this.isReleased) return { virtual: [], real: [] };
    return { virtual: [...this.sides.virtual.values()], real: [...this.sides.real.values()] };
  }

  has(side: Side, endpoint: Endpoint): boolean {
    return !this.isReleased && this.sides[side].has(nameOf(endpoint));
  }

  release(isReleased: boolean): void {
    this.isReleased = isReleased;
  }

  /** Takes over all that is wanted. */
  replace(all: Endpoints): void {
    for (const side of ['virtual', 'real'] as const) {
      this.sides[side].clear();
      for (const endpoint of all[side]) this.sides[side].set(nameOf(endpoint), endpoint);
    }
  }

  /** Takes over what has changed; returns the endpoints that were named. */
  change(changes: Extract<FromWorker, { type: 'endpoint' }>['changes']): Endpoints {
    const touched: Endpoints = { virtual: [], real: [] };
    for (const { side, address, port, isWanted } of changes) {
      const endpoint = { address, port };
      touched[side].push(endpoint);
      if (isWanted) this.sides[side].set(nameOf(endpoint), endpoint);
      else this.sides[side].delete(nameOf(endpoint));
    }
    return touched;
  }
}

function nameOf({ address, port }: Endpoint): number {
  return (address >>> 0) * PORTS + port;
}
