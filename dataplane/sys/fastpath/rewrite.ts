/** What becomes of a flow's packet: the flow is in R9, the packet's headers are on the stack (find-flow.ts). */
import {
  CHANGES_PORT,
  HEADER_DIFFERENCE,
  MACS,
  NEW_ADDRESS,
  NEW_PORT,
  REWRITES_SOURCE,
} from '../../flows/layout.js';
import {
  call,
  compute,
  compute32,
  goto,
  jumpIf,
  load,
  move,
  R0,
  R1,
  R10,
  R2,
  R3,
  R4,
  R5,
  R6,
  R8,
  R9,
  store,
  type Item,
} from './assembler.js';
import * as kernel from './context.js';
import { IP, IP_SOURCE, IP_DESTINATION, IP_HEADER_END, HEADERS, word } from './stack.js';

const IP_CHECKSUM = IP + 10;
const TCP_CHECKSUM = IP_HEADER_END + 16;
const TCP_PORTS_BYTES = 4;
/** One hop less, as the IP header's checksum has it: the word that TTL is the first byte of becomes less by one. */
const TTL_DIFFERENCE = 0xfffe;

/** MAC addresses, TTL, the IP header's checksum and one address: on the stack, and into the packet in one piece. */
export function rewriteHeaders(): Item[] {
  return [
    // TCP's checksum first: it needs the old address.
    load(4, R4, R9, word(NEW_ADDRESS)),
    load(4, R8, R9, word(NEW_PORT)),
    jumpIf('anyBit', R8, REWRITES_SOURCE, 'source'),
    load(4, R3, R10, HEADERS + IP_DESTINATION),
    store(4, R10, HEADERS + IP_DESTINATION, R4),
    goto('address'),
    'source',
    load(4, R3, R10, HEADERS + IP_SOURCE),
    store(4, R10, HEADERS + IP_SOURCE, R4),
    'address',
    move(R1, R6),
    move(R2, TCP_CHECKSUM),
    move(R5, kernel.CHECKSUM_PSEUDO_HEADER | 4),
    call(kernel.HELPER_L4_CHECKSUM_REPLACE),
    ...adjustHeaderChecksum(),
    // From behind: Linux 6.1 takes what is stored at a multiple of eight for a register that is kept there, and lets
    // nothing be stored next to it afterwards.
    ...[2, 1, 0].flatMap((i) => [
      load(4, R0, R9, word(MACS + i)),
      // The stack wants words at multiples of four, and the MAC addresses aren't there.
      move(R1, R0),
      compute32('shiftRight', R1, 16),
      store(2, R10, HEADERS + i * 4 + 2, R1),
      store(2, R10, HEADERS + i * 4, R0),
    ]),
    ...storeBytes(0, HEADERS, IP_HEADER_END),
  ];
}

/** RFC 1624, equation 3, with the difference of the flow's addresses and that of the TTL. */
function adjustHeaderChecksum(): Item[] {
  const fold = [
    move(R1, R0),
    compute32('shiftRight', R1, 16),
    compute32('and', R0, 0xffff),
    compute32('add', R0, R1),
  ];
  return [
    load(1, R0, R10, HEADERS + IP + 8),
    compute32('subtract', R0, 1),
    store(1, R10, HEADERS + IP + 8, R0),
    load(2, R0, R10, HEADERS + IP_CHECKSUM),
    compute32('xor', R0, 0xffff),
    load(4, R1, R9, word(HEADER_DIFFERENCE)),
    compute32('add', R0, R1),
    compute32('add', R0, TTL_DIFFERENCE),
    ...fold,
    ...fold,
    compute32('xor', R0, 0xffff),
    store(2, R10, HEADERS + IP_CHECKSUM, R0),
  ];
}

/** Where the port is another one; its word is in R8. */
export function rewritePorts(): Item[] {
  return [
    jumpIf('anyBit', R8, CHANGES_PORT, 'port changes'),
    goto('out'),
    'port changes',
    jumpIf('anyBit', R8, REWRITES_SOURCE, 'source port'),
    ...rewritePort(IP_HEADER_END + 2),
    goto('ports'),
    'source port',
    ...rewritePort(IP_HEADER_END),
    'ports',
    ...storeBytes(IP_HEADER_END, HEADERS + IP_HEADER_END, TCP_PORTS_BYTES),
    'out',
  ];
}

/** The port at this place, and TCP's checksum with it. */
function rewritePort(at: number): Item[] {
  return [
    load(2, R3, R10, HEADERS + at),
    store(2, R10, HEADERS + at, R8),
    move(R1, R6),
    move(R2, TCP_CHECKSUM),
    load(2, R4, R10, HEADERS + at),
    move(R5, 2),
    call(kernel.HELPER_L4_CHECKSUM_REPLACE),
  ];
}

function storeBytes(at: number, from: number, length: number): Item[] {
  return [
    move(R1, R6),
    move(R2, at),
    move(R3, R10),
    compute('add', R3, from),
    move(R4, length),
    move(R5, 0),
    call(kernel.HELPER_STORE_BYTES),
  ];
}
