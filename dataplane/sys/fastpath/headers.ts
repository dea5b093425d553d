/** Reads a packet's headers and leaves alone whatever isn't plain TCP over IPv4 (programs.ts says what that is). */
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
  R6,
  type Item,
  type Register,
} from './assembler.js';
import * as kernel from './context.js';
import { HEADERS, IP, IP_HEADER_END } from './stack.js';

const HEADERS_BYTES = 54;
const ETHERTYPE = 12;
/** As a processor of little-endian order reads them from the packet. */
const ETHERTYPE_IPV4 = 0x0008;
const FRAGMENTED = 0xff3f;
const VERSION_AND_LENGTH = 0x45;
const PROTOCOL_TCP = 6;
const HEADERS_LEAST = 40;

/** A field of the headers into R0. */
export const header = (size: 1 | 2 | 4, at: number): Item => load(size, R0, R10, HEADERS + at);

/** Puts the headers on the stack, or goes on at `miss`. */
export function readHeaders(miss: string): Item[] {
  return [
    load(4, R0, R6, kernel.SKB_PACKET_TYPE),
    jumpIf('notEqual', R0, 0, miss),
    load(4, R0, R6, kernel.SKB_VLAN_PRESENT),
    jumpIf('notEqual', R0, 0, miss),
    move(R1, R6),
    move(R2, 0),
    move(R3, R10),
    compute('add', R3, HEADERS),
    move(R4, HEADERS_BYTES),
    call(kernel.HELPER_LOAD_BYTES),
    jumpIf('notEqual', R0, 0, miss),
    header(2, ETHERTYPE),
    jumpIf('notEqual', R0, ETHERTYPE_IPV4, miss),
    header(1, IP),
    jumpIf('notEqual', R0, VERSION_AND_LENGTH, miss),
    header(1, IP + 9),
    jumpIf('notEqual', R0, PROTOCOL_TCP, miss),
    header(2, IP + 6),
    jumpIf('anyBit', R0, FRAGMENTED, miss),
    header(1, IP + 8),
    jumpIf('above', R0, 1, 'has TTL'),
    goto(miss),
    'has TTL',
  ];
}

/** The IP header's words add up to ones. */
export function checkHeaderChecksum(miss: string): Item[] {
  const words = Array.from({ length: (IP_HEADER_END - IP) / 4 }, (_, i) => HEADERS + IP + i * 4);
  const fold = [
    move(R1, R0),
    compute('shiftRight', R1, 16),
    compute('and', R0, 0xffff),
    compute('add', R0, R1),
  ];
  return [
    move(R0, 0),
    ...words.flatMap((at) => [load(4, R1, R10, at), compute('add', R0, R1)]),
    // From 35 bits to 20, to 17, to 16.
    ...fold,
    ...fold,
    ...fold,
    jumpIf('notEqual', R0, 0xffff, miss),
  ];
}

/** The packet is all there. Its IP header's total length and that of an Ethernet header are in R3, the frame's in R2. */
export function checkTotalLength(miss: string): Item[] {
  return [
    load(4, R2, R6, kernel.SKB_LENGTH),
    ...totalLength(R3),
    jumpIf('atLeast', R3, HEADERS_LEAST, 'has headers'),
    goto(miss),
    'has headers',
    compute32('add', R3, IP),
    jumpIf('above', R3, R2, miss),
  ];
}

/** Of the IP packet, in host order. */
export function totalLength(target: Register): Item[] {
  return [
    load(1, target, R10, HEADERS + IP + 2),
    compute32('shiftLeft', target, 8),
    load(1, R4, R10, HEADERS + IP + 3),
    compute32('or', target, R4),
  ];
}
