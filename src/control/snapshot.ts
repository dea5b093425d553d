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
  /** Connections whose SYN has waited for an answer for a second or more, or was repeated. */
  unansweredNow: number;
}

export interface ServiceSnapshot extends ServiceEntry {
  /** Times its scheduler chose a server, and found none to be chosen. */
  scheduled: number;
  notScheduled: number;
  destinations: DestinationSnapshot[];
}

/** How often a value was at most so large, in buckets of their own; the last bucket takes the rest. */
export interface Histogram {
  /** Upper bounds, ascending. */
  bounds: number[];
  /** One more than there are bounds. */
  counts: number[];
  sum: number;
}

/** What the data plane has measured of itself since the tables were made. */
export interface Measured {
  /** Bursts by their number of frames. */
  bursts: Histogram;
  /** Seconds from the arrival of a burst's first frame until the whole burst was handed to the network. */
  timeInside: Histogram;
  /** Connections whose time was up, by TCP state; all states there are. */
  expired: StateCounts;
  expiredTemplates: number;
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
  measured: Measured;
  /** Packets by the reason why they were dropped; all reasons there are. */
  drops: Record<string, number>;
  /** What only the data plane knows; null while there is none that answers. */
  counters: Counters | null;
}
