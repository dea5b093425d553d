/** What each reason of a drop means, and what to do about it. */
import type { DropName } from '../../../dataplane/drops.js';

export interface Explanation {
  meaning: string;
  /** Empty where there is nothing to do. */
  remedy: string;
}

type Reason = Exclude<DropName, 'none'>;

const NO_FRAME_OF_OURS = 'broken or forged on the way here; a capture tells who sends them';

export const EXPLANATIONS: Record<Reason, Explanation> = {
  truncated_ip: {
    meaning: 'the frame ends before its IP packet does',
    remedy: NO_FRAME_OF_OURS,
  },
  truncated_tcp: {
    meaning: 'the packet has no complete TCP header',
    remedy: NO_FRAME_OF_OURS,
  },
  bad_ip_header: {
    meaning: 'wrong version, length or checksum in the IP header',
    remedy: NO_FRAME_OF_OURS,
  },
  martian_source: {
    meaning: "from an address that no client can have, such as the director's own",
    remedy: 'filter spoofed addresses upstream (BCP 38)',
  },
  fragment: {
    meaning: 'a fragment that contradicts others, or that could not be sent on',
    remedy: 'large numbers are an attack; otherwise path MTU discovery is blocked somewhere',
  },
  reassembly_failed: {
    meaning: 'a fragment whose packet never became whole: others were lost, or too many waited',
    remedy: 'large numbers are an attack; TCP of honest clients is hardly ever fragmented',
  },
  bad_icmp_checksum: {
    meaning: 'an ICMP error with a wrong checksum',
    remedy: NO_FRAME_OF_OURS,
  },
  no_destination: {
    meaning: 'no real server was to be had; the client was told so where that was possible',
    remedy: 'uvsadm -Ln: are there servers, their weights above 0, below their thresholds?',
  },
  destination_unavailable: {
    meaning: "the connection's real server was deleted",
    remedy: 'expected after `uvsadm -d`; `uvs set expire_nodest_conn=1` ends such connections',
  },
  ttl_exceeded: {
    meaning: 'the packet has been on its way for too long; its sender was told',
    remedy: 'traceroute causes a few; many are a routing loop',
  },
  fragmentation_needed: {
    meaning: "larger than the next network's MTU; its sender was told",
    remedy: 'a few are path MTU discovery at work; with many, compare the MTUs',
  },
  no_route: {
    meaning: 'the director has no route to the server or client',
    remedy: 'ip route get ADDRESS, on the director',
  },
  table_full: {
    meaning: 'no room for another connection',
    remedy: 'uvsd --max-connections; against a flood uvs set drop_entry=1',
  },
  chain_limit: {
    meaning: 'more than 256 connections of one client address and port',
    remedy: 'an attack: no client does that',
  },
  parking_full: {
    meaning: 'too many frames waited for the MAC address of their next host',
    remedy: 'are the servers up? otherwise spoofed addresses of a network next to the director',
  },
  neighbour_timeout: {
    meaning: "the next host's MAC address was not found in time",
    remedy: 'is that server down? ip neigh, on the director',
  },
  send_failed: {
    meaning: 'the network interface refused the frame',
    remedy: 'see send errors of the interfaces',
  },
  drop_packet: {
    meaning: 'a new connection, dropped by the drop_packet defence',
    remedy: 'the table is nearly full: see table_full',
  },
  drop_first_syn: {
    meaning: "a client's first SYN in a flood of SYNs; clients send it again, spoofed ones don't",
    remedy: 'nothing: the defence is at work. Filter the flood upstream if you can',
  },
};

/** Frames that were lost at an interface, by the field of InterfaceCounters. */
export const INTERFACE_EXPLANATIONS = {
  ringDrops: {
    meaning: 'packets of connections and others that the director had no time for',
    remedy: 'it is at its limit: a processor of its own, less other work on this host',
  },
  synDrops: {
    meaning: 'SYNs that the director had no time for; connections are not concerned',
    remedy: 'a flood, or more new connections than this host can take',
  },
  sendErrors: {
    meaning: 'frames that the interface could not send',
    remedy: 'is it up? its MTU? its queue (tc -s qdisc)?',
  },
} as const satisfies Record<string, Explanation>;
