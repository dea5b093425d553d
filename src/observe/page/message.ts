/** What the status page is told once a second. Types alone: the page's own program reads them, too. */
import type { Statistics, Use } from '../../control/api.js';
import type { StateCounts } from '../../control/snapshot.js';

/** A virtual service, or a real server of the service above it. */
export interface PageRow {
  kind: 'service' | 'server';
  /** "tcp:10.1.0.100:80", "10.2.0.11:80" */
  name: string;
  /** A service's scheduler or a server's weight. */
  detail: string;
  active: number;
  inactive: number;
  persistent: number;
  statistics: Statistics;
  /** What is to be known about it beyond its figures: "drained". */
  notes: string[];
  /** One of the notes is worth a look. */
  isWarning: boolean;
}

export interface NewestConnection {
  client: string;
  virtual: string;
  server: string;
  state: string;
  expiresSeconds: number;
  /** When it was first seen, in milliseconds since 1970; null: before anybody looked. */
  seenAtMs: number | null;
}

export interface NewestConnections {
  /** The newest first. */
  connections: NewestConnection[];
  /** Connections in the table that match the filter. */
  matching: number;
  /** Why the filter can't be used, else null. */
  problem: string | null;
}

export interface PageMessage {
  takenAtMs: number;
  version: string;
  startedAtMs: number;
  dataPlane: { isServing: boolean; restarts: number };
  total: Statistics;
  states: StateCounts;
  halfOpen: number;
  /** How full each table is, by its name. */
  uses: { name: string; use: Use }[];
  /** Packets and frames by the reason why they were dropped; reasons that occurred. */
  drops: { reason: string; count: number }[];
  defences: string[];
  counts: { services: number; servers: number };
  rows: PageRow[];
  /** Services and servers that match the filter and aren't among the rows. */
  rowsLeftOff: number;
  newest: NewestConnections;
}
