/** Reading what uvsadm lists. */

export interface ListedDestination {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/** The server lines of `-Ln`. */
export function destinationsOf(listing: string): ListedDestination[] {
  const rows = listing.matchAll(/^ {2}-> ([\d.]+):(\d+) +Masq +(\d+) +(\d+) +(\d+) *$/gm);
  return [...rows].map(([, address, port, weight, active, inactive]) => ({
    address,
    port: Number(port),
    weight: Number(weight),
    active: Number(active),
    inactive: Number(inactive),
  }));
}

export interface ListedStatistics {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

/** One service of `-Ln --stats --exact`, and its servers in the order listed. */
export function statisticsOf(
  listing: string,
  service: string,
): ListedStatistics & { destinations: ListedStatistics[] } {
  const lines = listing.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`TCP  ${service} `));
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !line.startsWith('  -> '));
  return { ...readRow(lines[start]), destinations: rest.slice(0, end).map(readRow) };
}

function readRow(line: string): ListedStatistics {
  const numbers = line.trim().split(/\s+/).slice(-5).map(Number);
  const [connections, inPackets, outPackets, inBytes, outBytes] = numbers;
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

export interface ListedConnection {
  readonly state: string;
  readonly expiresSeconds: number;
  readonly client: string;
  readonly virtual: string;
  readonly destination: string;
}

/** The lines of `-Lnc`. */
export function connectionsOf(listing: string): ListedConnection[] {
  const rows = listing.matchAll(
    /^TCP (\d+):(\d\d) +([A-Z_]+) +(\S+:\d+) +(\S+:\d+) +(\S+:\d+) *$/gm,
  );
  return [...rows].map(([, minutes, seconds, state, client, virtual, destination]) => ({
    state,
    expiresSeconds: Number(minutes) * 60 + Number(seconds),
    client,
    virtual,
    destination,
  }));
}
