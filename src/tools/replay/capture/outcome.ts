/** What became of one captured packet. */
import type { TracedConnection } from '../../../control/trace.js';

/**
 * sent; answered (with an ICMP error, or in fragments); left to the kernel; dropped; held (a fragment); undecided
 * (the capture has too little of it); own (a packet that the captured director sent).
 */
export const DECISIONS = [
  'sent',
  'answered',
  'left',
  'dropped',
  'held',
  'undecided',
  'own',
] as const;

export type Decision = (typeof DECISIONS)[number];

/** What the captured director's own packet says about ours. */
export const AGREEMENTS = ['same', 'differs', 'unexplained'] as const;

export type Agreement = (typeof AGREEMENTS)[number];

export interface Outcome {
  /** Number of the packet among those looked at, from 1. */
  packet: number;
  /** Seconds since the first packet. */
  atSeconds: number;
  /** The packet in words; empty where no description was wanted. */
  arrived: string;
  decision: Decision;
  /** Name of the reason why it was dropped, left to the kernel or is undecided; else null. */
  reason: string | null;
  /** The reason in words about this packet. */
  why: string | null;
  connection: TracedConnection | null;
  /** The packets that were sent because of it, in words. */
  sent: string[];
  agreement: Agreement | null;
  /** What differs, in words. */
  difference: string | null;
  /** Number of the packet that the captured director made this one of; 0 where that isn't known. */
  cause: number;
  /** Only what the captured director made of it is in the capture. */
  isUndone: boolean;
}

export function undecided(packet: number, atSeconds: number): Outcome {
  return {
    packet,
    atSeconds,
    arrived: '',
    decision: 'undecided',
    reason: null,
    why: null,
    connection: null,
    sent: [],
    agreement: null,
    difference: null,
    cause: 0,
    isUndone: false,
  };
}
