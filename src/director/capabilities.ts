/** What the process may do: uvsd needs two of root's powers and says which one is missing. */
import { readFileSync } from 'node:fs';

/** Bit numbers of linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n } as const;

type Capability = keyof typeof CAPABILITIES;

/** The needed capabilities that aren't in the effective set of a /proc/PID/status text. */
export function missingCapabilities(
  status = readFileSync('/proc/self/status', 'utf8'),
): Capability[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  const effective = line === null ? 0n : BigInt(`0x${line[1]}`);
  const names = Object.keys(CAPABILITIES) as Capability[];
  return names.filter((name) => ((effective >> CAPABILITIES[name]) & 1n) === 0n);
}

/** One sentence about what is missing and the ways to give it. */
export function capabilityAdvice(missing: readonly Capability[]): string {
  return (
    `needs CAP_NET_ADMIN and CAP_NET_RAW and lacks ${missing.join(' and ')}: run it as root; in Docker add ` +
    '--cap-add NET_ADMIN --cap-add NET_RAW; in a systemd unit AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW'
  );
}
