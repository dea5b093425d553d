/** A trace: packets that somebody wants to see, with what was decided about each of them and why. */

/** Addresses and ports: all of 10.1.0.0/24 is { address: '10.1.0.0', prefixLength: 24, port: 0 }. */
export interface EndpointPattern {
  /** IPv4. */
  address: string;
  prefixLength: number;
  /** 0 for any. */
  port: number;
}

/**
 * What becomes of a packet: it is sent; answered (with an ICMP error, or in fragments); dropped; kept until its next
 * host's MAC address is known; kept until its other fragments come; left to the kernel.
 */
export const TRACE_DECISIONS = ['sent', 'answered', 'dropped', 'parked', 'held', 'left'] as const;

export type TraceDecision = (typeof TRACE_DECISIONS)[number];

/** A packet is wanted that each of these lists has something for; an empty list wants everything. */
export interface TraceFilter {
  clients: EndpointPattern[];
  /** Virtual addresses. */
  virtuals: EndpointPattern[];
  servers: EndpointPattern[];
  /** TCP states, before or after the packet, as ip_vs names them. */
  states: string[];
  /** Why it was dropped, or answered with an ICMP error: names of drop counters. */
  reasons: string[];
  decisions: TraceDecision[];
}

export interface TraceRequest {
  filter: TraceFilter;
  /** Most packets in a second; of those beyond it the number is told. */
  ratePerSecond: number;
  /** The trace ends after so many packets; 0 for no such end. */
  countMax: number;
  /** Of each frame the first bytes. */
  frameBytesMax: number;
}

/** Limits of a request. */
export const TRACE_ALTERNATIVES_MAX = 64;
export const TRACE_RATE_MAX = 10_000;
/** Headers, with all the options they can have. */
export const TRACE_FRAME_BYTES_MIN = 128;
/** More than the longest super-segment with its Ethernet header. */
export const TRACE_FRAME_BYTES_MAX = 1 << 16;

/** A frame as it was received, or as it is sent. */
export interface TracedFrame {
  /** Name of the interface. */
  interface: string;
  /** From its Ethernet header on. */
  lengthBytes: number;
  /** Its beginning, in base64. A checksum that was left to a network card is filled in where all of it is here. */
  bytes: string;
}

export interface TracedConnection {
  client: string;
  virtual: string;
  server: string;
  /** The service that it is for, or "deleted service". */
  service: string;
  /** A new connection: the scheduler that chose its server, or "template". */
  chosenBy: string | null;
  /** TCP states; null where there was no connection yet, or is none any more. */
  before: string | null;
  after: string | null;
}

export interface TracedPacket {
  /** From 1, in the order of time. */
  number: number;
  /** Milliseconds since 1970. */
  atMs: number;
  /** Null for a packet that had been parked, and of which it is told now what became of it. */
  came: TracedFrame | null;
  decision: TraceDecision;
  /** Why it was dropped or refused (a drop counter's name), or left to the kernel. */
  reason: string | null;
  /** The reason in words about this packet, where it was left to the kernel. */
  why: string | null;
  /** Null where the packet belongs to none. */
  connection: TracedConnection | null;
  /** Frames that were sent because of it: itself, rewritten, or the answers. */
  sent: TracedFrame[];
  /** Address of the neighbour that a parked packet waits for. */
  waitsFor: string | null;
}

/** What there is to tell since the last report, and how many packets there were since the trace began. */
export interface TraceReport {
  packets: TracedPacket[];
  /** That the filter matched, and those of them that weren't shown. */
  matched: number;
  leftOut: number;
  /** `countMax` packets are told; there is no further report. */
  isDone: boolean;
  /**
   * The numbers began anew, at 0: the data plane was replaced, or the reports weren't fetched for so long that the
   * trace was ended. What went by meanwhile isn't known.
   */
  isAnew: boolean;
}
