/** What the doctor wants to know of the connections: counts by server, and pairs of client and server. */
import type { ConnectionEntry } from '../../control/api.js';

/** Most connections looked at. */
const CONNECTIONS_MAX = 200_000;
/** Most pairs of client and server that are told apart. */
const PAIRS_MAX = 20_000;
const HALF_OPEN = 'SYN_RECV';
const OPEN = 'ESTABLISHED';

export interface Pair {
  client: string;
  /** Address of the real server. */
  server: string;
  halfOpen: number;
  established: number;
}

export class ConnectionDigest {
  private seen = 0;
  private readonly byPair = new Map<string, Pair>();
  private readonly byServer = new Map<string, Pair[]>();

  add(batch: readonly ConnectionEntry[]): void {
    this.seen += batch.length;
    for (const connection of batch) {
      // Templates have no port.
      if (connection.protocol !== 'TCP' || connection.clientPort === 0) continue;
      const pair = this.pairOf(connection.clientAddress, connection.destinationAddress);
      if (pair === null) continue;
      if (connection.state === HALF_OPEN) pair.halfOpen++;
      if (connection.state === OPEN) pair.established++;
    }
  }

  get isFull(): boolean {
    return this.seen >= CONNECTIONS_MAX;
  }

  get pairs(): Pair[] {
    return [...this.byPair.values()];
  }

  /** Those with this server. */
  pairsOf(server: string): readonly Pair[] {
    return this.byServer.get(server) ?? [];
  }

  private pairOf(client: string, server: string): Pair | null {
    const key = `${client} ${server}`;
    const known = this.byPair.get(key);
    if (known !== undefined) return known;
    if (this.byPair.size === PAIRS_MAX) return null;
    const pair = { client, server, halfOpen: 0, established: 0 };
    this.byPair.set(key, pair);
    const others = this.byServer.get(server);
    if (others === undefined) this.byServer.set(server, [pair]);
    else others.push(pair);
    return pair;
  }
}
