/** Why a frame was dropped. The number indexes `DropCounters.counts`; the name is what users see. */
export const DROP_NAMES = [
  'none',
  'truncated_ip', // the frame ends before the IP header or total length says
  'truncated_tcp', // no complete TCP header
  'bad_ip_header', // version, header length or header checksum wrong
  'martian_source', // a client's address that no client can have
  'fragment', // IP fragment of a virtual service's connection
  'reassembly_failed', // fragment that was held, but never became part of a whole packet
  'bad_icmp_checksum', // ICMP error whose checksum is wrong
  'no_destination', // no real server to be had, and no answer could be made
  'destination_unavailable', // the connection's real server was deleted
  'ttl_exceeded', // TTL ran out and no answer could be made
  'fragmentation_needed', // larger than the MTU and no answer could be made
  'no_route', // the kernel has no route to the next hop
  'table_full', // no free connection record
  'chain_limit', // too many connections of one client address and port
  'parking_full', // too many frames wait for neighbours
  'neighbour_timeout', // the next hop's MAC address was not found in time
  'send_failed', // the interface refused the frame
  'drop_packet', // the drop_packet defence
  'drop_first_syn', // the drop_first_syn defence
] as const;

export type DropName = (typeof DROP_NAMES)[number];

/** Number of a drop reason, for use in module-level constants. */
export function dropReason(name: DropName): number {
  return DROP_NAMES.indexOf(name);
}

/** Counted drops, by reason. Doubles, so that they never wrap. */
export class DropCounters {
  constructor(readonly counts: Float64Array = new Float64Array(DROP_NAMES.length)) {}

  count(reason: number): void {
    this.counts[reason] += 1;
  }

  /** Has counting begin anew where a counter holds what can't have been counted. @returns how many did */
  rebuild(): number {
    let damaged = 0;
    for (const [reason, count] of this.counts.entries()) {
      if (count >= 0 && Number.isSafeInteger(count)) continue;
      this.counts[reason] = 0;
      damaged++;
    }
    return damaged;
  }
}
