/** What `uvs trace` says beside the packets. */
import type { TracedPacket, TraceRequest } from '../../control/trace.js';
import { frameText } from './line.js';

/** Packets that the filter matched, that were shown, and that weren't. */
export interface Counts {
  matched: number;
  shown: number;
  leftOut: number;
}

export const ANEW_TEXT =
  '... the trace began anew: the data plane was replaced, or the packets were not read for some seconds\n';

export function beginText(words: readonly string[], { ratePerSecond }: TraceRequest): string {
  const what = words.length === 0 ? 'all packets' : words.join(' ');
  return `tracing ${what}; at most ${ratePerSecond} a second; Ctrl-C ends it\n`;
}

export function leftOutText(count: number): string {
  return `... ${count} more matched and were left out (--rate)\n`;
}

export function summaryText({ matched, shown, leftOut }: Counts): string {
  const packets = matched === 1 ? 'packet' : 'packets';
  return `${matched} ${packets} matched, ${shown} shown, ${leftOut} left out\n`;
}

/** One line. */
export function packetJson(packet: TracedPacket): string {
  const { number, atMs, came, decision, reason, why, connection, sent, waitsFor } = packet;
  const object = {
    number,
    time: new Date(atMs).toISOString(),
    interface: came?.interface ?? null,
    packet: came === null ? null : frameText(came),
    decision,
    reason,
    why,
    connection,
    sent: sent.map((frame) => ({ interface: frame.interface, packet: frameText(frame) })),
    waitsFor,
  };
  return `${JSON.stringify(object)}\n`;
}

/** The last line. */
export function summaryJson(counts: Counts): string {
  return `${JSON.stringify(counts)}\n`;
}
