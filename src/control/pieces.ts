/**
 * Services in pieces, so that none of the director's messages takes long to make: a service with many real
 * servers goes as several entries with the same key, each with some of the servers.
 */
import type { ServiceEntry } from './api.js';
import { serviceIdentity } from './identity.js';

/** Services and real servers in one batch. */
export const ENTRIES_PER_BATCH = 256;

export function* batchesOf(services: Iterable<ServiceEntry>): Generator<ServiceEntry[]> {
  let batch: ServiceEntry[] = [];
  let entries = 0;
  for (const service of services) {
    const { destinations } = service;
    let next = 0;
    do {
      const piece = destinations.slice(next, next + ENTRIES_PER_BATCH - entries);
      batch.push({ ...service, destinations: piece });
      next += piece.length;
      entries += piece.length + 1;
      if (entries < ENTRIES_PER_BATCH) continue;
      yield batch;
      batch = [];
      entries = 0;
    } while (next < destinations.length);
  }
  if (batch.length > 0) yield batch;
}

/** Adds a batch to the services that came before it, and joins the pieces of one service. */
export function joinBatch<S extends ServiceEntry>(services: S[], batch: readonly S[]): void {
  for (const piece of batch) {
    const last = services.at(-1);
    if (last !== undefined && serviceIdentity(last) === serviceIdentity(piece)) {
      for (const destination of piece.destinations) last.destinations.push(destination);
    } else services.push(piece);
  }
}
