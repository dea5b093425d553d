/**
 * Who has an address? ARP (RFC 826, RFC 5227), as the kernel and every director ask it all the time:
 *
 *      0      2      4   5   6      8             14         18            24         28
 *     +------+------+---+---+------+-------------+----------+-------------+----------+
 *     | 1    | 0800 | 6 | 4 | 1, 2 | sender MAC  | sender IP| target MAC  | target IP|
 *     +------+------+---+---+------+-------------+----------+-------------+----------+
 */
import { loadHalf } from '../../../../dataplane/sys/bpf.js';
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { read32, write16, write32 } from '../../../../dataplane/wire/bytes.js';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  MAC_BYTES,
  writeEthertype,
} from '../../../../dataplane/wire/ethernet.js';
import { ETHERTYPE_OFFSET } from './frame-socket.js';
import { inquire, type Patience } from './inquiry.js';

const ETHERTYPE_ARP = 0x0806;
const ARP = ETHERNET_HEADER_BYTES;
const ARP_BYTES = 28;
const OPERATION = ARP + 6;
const SENDER_MAC = ARP + 8;
const SENDER_IP = ARP + 14;
const TARGET_IP = ARP + 24;
const ETHERNET_HARDWARE = 1;
const REQUEST = 1;
const REPLY = 2;

const PATIENT: Patience = { attempts: 3, waitMs: 200 };
/** Where silence is what is hoped for: whoever is there answers in microseconds. */
export const BRIEF: Patience = { attempts: 2, waitMs: 60 };

export interface ArpQuestion {
  link: Link;
  /** Of the interface, or 0: the question whether somebody has it, which nobody learns an address from. */
  sender: number;
  target: number;
}

/** Resolves to MAC addresses by the addresses that have them. Throws SysError. */
export async function askByArp(
  questions: readonly ArpQuestion[],
  patience = PATIENT,
): Promise<Map<number, Uint8Array>> {
  const answers = await inquire({
    questions,
    ...patience,
    conditions: [
      { load: [loadHalf(ETHERTYPE_OFFSET)], value: ETHERTYPE_ARP },
      { load: [loadHalf(OPERATION)], value: REPLY },
    ],
    send: (question, sender) => sender.send(question.link.ifindex, requestFrame(question)),
    isAnswer: (frame, { target }) => read32(frame, SENDER_IP) === target,
  });
  return new Map(
    [...answers].map(([{ target }, frame]) => [
      target,
      frame.slice(SENDER_MAC, SENDER_MAC + MAC_BYTES),
    ]),
  );
}

/** An Ethernet frame with the question, to everybody. */
export function requestFrame({ link, sender, target }: ArpQuestion): Uint8Array {
  const frame = new Uint8Array(ARP + ARP_BYTES);
  frame.fill(0xff, 0, MAC_BYTES);
  frame.set(link.mac, MAC_BYTES);
  writeEthertype(frame, 0, ETHERTYPE_ARP);
  write16(frame, ARP, ETHERNET_HARDWARE);
  write16(frame, ARP + 2, ETHERTYPE_IPV4);
  frame[ARP + 4] = MAC_BYTES;
  frame[ARP + 5] = 4;
  write16(frame, OPERATION, REQUEST);
  frame.set(link.mac, SENDER_MAC);
  write32(frame, SENDER_IP, sender);
  write32(frame, TARGET_IP, target);
  return frame;
}
