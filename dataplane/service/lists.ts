/** The lists of services' destinations, built anew from the destinations' records. */
import type { DestinationTable } from './destinations.js';

/** Endpoints of destinations in one list: address * 2^16 + port. */
const PORTS = 0x10000;

/**
 * Links each destination into the list of its service, which must be empty, in the order in which they were
 * linked before. One whose service is gone, or has another destination of that address and port, is deleted.
 */
export function rebuildLists(destinations: DestinationTable): void {
  const endpointsOf = new Map<number, Set<number>>();
  for (const d of inOrder(destinations)) {
    const service = destinations.service(d);
    let endpoints = endpointsOf.get(service);
    if (endpoints === undefined) endpointsOf.set(service, (endpoints = new Set()));
    const endpoint = destinations.address(d) * PORTS + destinations.port(d);
    if (destinations.isServiceThere(d) && !endpoints.has(endpoint)) {
      endpoints.add(endpoint);
      destinations.enlist(d);
    } else destinations.withdraw(d);
  }
}

/** The destinations that are to be in a list, in the order in which they were linked. */
function inOrder(destinations: DestinationTable): number[] {
  const available: number[] = [];
  for (let d = 1; d <= destinations.highWater; d++) {
    if (destinations.isLive(d) && destinations.isAvailable(d)) available.push(d);
  }
  return available.sort((a, b) => destinations.order(a) - destinations.order(b));
}
