/**
 * What the director hides from its kernel, kept up as the control process keeps its packet filter up: by what
 * the virtual server says has changed. It stays while the data plane is down.
 */
import type { Endpoint } from '../dataplane/service/endpoints.js';
import type { Endpoints, Side, WantedEndpoints } from '../src/virtual-server/endpoints.js';
import type { View } from './packet.js';
import { Violation } from './violation.js';

const SIDES: readonly Side[] = ['virtual', 'real'];

function keyOf({ address, port }: Endpoint): number {
  return (address >>> 0) * 0x10000 + port;
}

export class Interception {
  private readonly hidden = { virtual: new Set<number>(), real: new Set<number>() };

  /** Follows a change as the virtual server tells it. */
  follow(wanted: WantedEndpoints, touched: Endpoints | 'all'): void {
    if (touched === 'all') {
      this.takeAll(wanted);
      return;
    }
    for (const side of SIDES) {
      for (const endpoint of touched[side]) {
        if (wanted.has(side, endpoint)) this.hidden[side].add(keyOf(endpoint));
        else this.hidden[side].delete(keyOf(endpoint));
      }
    }
  }

  takeAll(wanted: WantedEndpoints): void {
    const { all } = wanted;
    for (const side of SIDES) {
      this.hidden[side].clear();
      for (const endpoint of all[side]) this.hidden[side].add(keyOf(endpoint));
    }
  }

  /** Step by step and all at once must come to the same. */
  check(wanted: WantedEndpoints): void {
    const { all } = wanted;
    for (const side of SIDES) {
      const isSame =
        all[side].length === this.hidden[side].size &&
        all[side].every((endpoint) => this.hidden[side].has(keyOf(endpoint)));
      if (!isSame) throw new Violation('interception', `${side} endpoints are not what was told`);
    }
  }

  /** True for a TCP segment that the kernel doesn't see. */
  hides(view: View): boolean {
    return (
      this.has('virtual', view.destination, view.destinationPort) ||
      this.has('real', view.source, view.sourcePort)
    );
  }

  private has(side: Side, address: number, port: number): boolean {
    const set = this.hidden[side];
    return set.has(keyOf({ address, port })) || set.has(keyOf({ address, port: 0 }));
  }
}
