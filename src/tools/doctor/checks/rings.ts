/** Packets that were lost before or after the director looked at them, for want of room. */
import type { Host } from '../host.js';
import type { Findings } from '../findings.js';
import type { Check } from '../check.js';

/** A burst may cost a few packets; from this share of the packets on it is more than that. */
const SHARE_MIN = 0.0001;
const OWN_PROCESSOR =
  'taskset --all-tasks --cpu-list --pid N $(pgrep -f dist/src/worker)  # a processor of its own; less other work on this host';

export const rings: Check = {
  name: 'rings',
  run({ host, gateway }, findings) {
    for (const one of gateway.snapshot?.counters?.interfaces ?? []) {
      const { name, receivedFrames, ringDrops, synDrops, sentFrames, sendErrors } = one;
      if (isMuch(ringDrops, receivedFrames)) {
        findings.warning(
          `${name}: ${ringDrops} packets were lost because the receive rings were full (${receivedFrames} were ` +
            'received): the director is at its limit, or was kept from running',
          OWN_PROCESSOR,
        );
      }
      if (isMuch(synDrops, receivedFrames)) {
        findings.note(
          `${name}: ${synDrops} SYNs were lost in a flood of them; connections are not concerned`,
          'uvs status',
        );
      }
      if (isMuch(sendErrors, sentFrames)) {
        findings.warning(
          `${name}: the interface refused ${sendErrors} packets of ${sentFrames}`,
          `ip -s link show ${name}; tc -s qdisc show dev ${name}`,
        );
      }
    }
    cards(host, findings);
    if (findings.isEmpty) findings.ok('no packets were lost for want of room');
  },
};

/** What the interfaces' own rings had no room for, before any program. */
function cards(host: Host, findings: Findings): void {
  for (const [, name, received] of host.read('/proc/net/dev').matchAll(/^\s*(\S+):\s*(.*)$/gm)) {
    // Received: bytes packets errors dropped fifo ...
    const [, packets, , , fifo] = received.split(/\s+/).map(Number);
    if (!isMuch(fifo, packets) || !host.ports.some((port) => port.name === name)) continue;
    findings.warning(
      `${name}: its receive ring overflowed, ${fifo} packets were lost of ${packets}`,
      `ethtool -g ${name}  # then ethtool -G ${name} rx MAXIMUM`,
    );
  }
}

function isMuch(lost: number, of: number): boolean {
  return lost > 0 && lost >= of * SHARE_MIN;
}
