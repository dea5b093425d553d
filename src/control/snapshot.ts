/**
 * All that a director can be seen doing, at one moment: what metrics, status page and `uvs top` are made of. Counters
 * are those of this moment, where listings show what was last published every two seconds, as ip_vs does.
 */
import type { Counters, DestinationEntry, ServiceEntry, Statistics, Use } from './api.js';

/** Connections by TCP state, as ip_vs names them (ESTABLISHED, SYN_RECV...); only states that occur. */
export type StateCounts = Record<string, number>;

export interface DestinationSnapshot extends DestinationEntry {
  /** Its connections, without templates. */
  states: StateCounts;
  /** Above its upper threshold: it gets no new connections. */
  isOverloaded: boolean;
  /** Connections that ended because the server never answered the client's SYN. */
  unansweredSyns: number;
}

export interface ServiceSnapshot extends ServiceEntry {
  destinations: DestinationSnapshot[];
}

export interface Snapshot {
  /** Milliseconds since 1970. */
  takenAtMs: number;
  director: { version: string; node: string; startedAtMs: number };
  dataPlane: {
    /** Packets flow. */
    isServing: boolean;
    /** Processes that ended and were replaced since the director was started. */
    restarts: number;
  };
  /** Of the whole director. */
  total: Statistics;
  /** Newest server first within each service. */
  services: ServiceSnapshot[];
  /** Of all servers, also of those that were deleted and still have connections. */
  connections: Use & { templates: number; halfOpen: number; states: StateCounts };
  /** Packets by the reason why they were dropped; all reasons there are. */
  drops: Record<string, number>;
  /** What only the data plane knows; null while there is none that answers. */
  counters: Counters | null;
}
