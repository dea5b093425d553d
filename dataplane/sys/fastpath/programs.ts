/**
 * The programs that forward established connections inside the kernel. Both run at a port's ingress, one after the
 * other, and both look into the table of flows (dataplane/flows/layout.ts) in the same way:
 *
 *     frame --> filters of the packet sockets --> traffic control --> interception, which hides it from the kernel
 *                 a flow's packet: no copy          a flow's packet: rewritten, out of another port
 *                 anything else: as ever            anything else: as ever
 *
 * A flow's packet is plain TCP over IPv4 to this host's MAC address: a sound IP header without options, no fragment, no VLAN
 * tag; with ACK, and with SYN from servers only; with some TTL left, and not too long for the way out. Whatever else there is comes to
 * the data plane: it alone opens and refuses. Packets that may change a connection's state are reported to it.
 */
import {
  BUCKETS,
  BYTES_LOW,
  CHANGES_PORT,
  DESTINATION,
  FLOW_WORDS,
  FORWARD_GENERATION,
  FRAME_MAX,
  GENERATION,
  HEADER_DIFFERENCE,
  IFINDEX,
  MACS,
  NEW_ADDRESS,
  NEW_PORT,
  PACKETS,
  PORTS,
  REPORT,
  REPORT_NEXT,
  REPORT_SLOT_SHIFT,
  REPORTS,
  REWRITES_SOURCE,
  SKIP_GENERATION,
  SOURCE,
  WAYS,
  KEY,
} from '../../flows/layout.js';
import {
  assemble,
  atomicAdd,
  atomicFetchAdd,
  call,
  compute,
  compute32,
  exit,
  goto,
  jumpIf,
  jumpIfNull,
  load,
  move,
  moveMap,
  moveWide,
  R0,
  R1,
  R10,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  store,
  type Item,
  type Register,
} from './assembler.js';
import * as kernel from './context.js';
import { translate } from './translate.js';

const HEADERS_BYTES = 54;
const ETHERTYPE = 12;
const IP = 14;
const IP_CHECKSUM = IP + 10;
const IP_SOURCE = IP + 12;
const IP_DESTINATION = IP + 16;
const IP_HEADER_END = IP + 20;
const TCP_DATA_OFFSET = IP_HEADER_END + 12;
const TCP_FLAGS = IP_HEADER_END + 13;
const TCP_CHECKSUM = IP_HEADER_END + 16;
const TCP_PORTS_BYTES = 4;
/** As a processor of little-endian order reads them from the packet. */
const ETHERTYPE_IPV4 = 0x0008;
const FRAGMENTED = 0xff3f;
const VERSION_AND_LENGTH = 0x45;
const PROTOCOL_TCP = 6;
/** One hop less, as the IP header's checksum has it: the word that TTL is the first byte of becomes less by one. */
const TTL_DIFFERENCE = 0xfffe;
const FIN_SYN_RST = 0x07;
const SYN = 0x02;
const ACK = 0x10;
const HEADERS_LEAST = 40;

/** Of a packet's headers on the stack: the IP header lies at a multiple of four. */
const HEADERS = -66;
const LOOKUP_KEY = -72;
/** A pointer: the flow's bucket, then the table's description. */
const POINTER = -80;

const word = (index: number): number => index * Int32Array.BYTES_PER_ELEMENT;

export interface FlowMap {
  fd: number;
  /** A power of two. */
  buckets: number;
  /** Of reports: the array, and how many it has room for, a power of two. */
  reportsFd: number;
  reports: number;
  /** Of the hash: six int32. */
  key: Int32Array;
}

/** A socket filter: what isn't a flow's goes on to `before` and then `after`, classic instructions. */
export function skippingFilter(map: FlowMap, before: Uint8Array, after: Uint8Array): Uint8Array {
  return assemble([
    move(R6, R1),
    ...translate(before, 'ring'),
    ...findFlow(map, SKIP_GENERATION, 'not a flow'),
    compute32('move', R0, 0),
    exit(),
    'not a flow',
    ...translate(after, 'wanted'),
  ]);
}

/** For traffic control: rewrites a flow's packets and sends them on. */
export function forwardingProgram(map: FlowMap): Uint8Array {
  return assemble([
    move(R6, R1),
    ...findFlow(map, FORWARD_GENERATION, 'not a flow'),
    ...countPacket(),
    ...report(map),
    ...rewriteHeaders(),
    ...rewritePorts(),
    load(4, R1, R9, word(IFINDEX)),
    move(R2, 0),
    call(kernel.HELPER_REDIRECT),
    exit(),
    'not a flow',
    move(R0, kernel.TC_ACT_UNSPEC),
    exit(),
  ]);
}

/** Goes on with the flow in R9 and the headers on the stack, or at `miss`. */
function findFlow(map: FlowMap, generation: number, miss: string): Item[] {
  return [
    ...readHeaders(miss),
    load(4, R7, R10, HEADERS + IP_SOURCE),
    load(4, R8, R10, HEADERS + IP_DESTINATION),
    load(4, R9, R10, HEADERS + IP_HEADER_END),
    ...hash(map.key),
    compute32('and', R0, map.buckets - 1),
    store(4, R10, LOOKUP_KEY, R0),
    ...lookUp(map.fd),
    jumpIfNull(R0, miss),
    store(8, R10, POINTER, R0),
    store(4, R10, LOOKUP_KEY, map.buckets),
    ...lookUp(map.fd),
    jumpIfNull(R0, miss),
    load(4, R5, R0, word(generation)),
    load(8, R1, R10, POINTER),
    store(8, R10, POINTER, R0),
    move(R0, R1),
    ...compareWays(miss),
    'found',
    load(4, R1, R9, word(GENERATION)),
    jumpIf('notEqual', R1, R5, miss),
    load(1, R1, R10, HEADERS + TCP_FLAGS),
    jumpIf('anyBit', R1, SYN, 'has SYN'),
    goto('may pass'),
    'has SYN',
    load(4, R1, R9, word(NEW_PORT)),
    jumpIf('anyBit', R1, REWRITES_SOURCE, 'may pass'),
    goto(miss),
    'may pass',
    ...checkHeaderChecksum(miss),
    ...checkLength(miss),
  ];
}

function readHeaders(miss: string): Item[] {
  const header = (size: 1 | 2 | 4, at: number): Item => load(size, R0, R10, HEADERS + at);
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
    header(1, TCP_FLAGS),
    jumpIf('anyBit', R0, ACK, 'has ACK'),
    goto(miss),
    'has ACK',
    header(1, IP + 8),
    jumpIf('above', R0, 1, 'has TTL'),
    goto(miss),
    'has TTL',
  ];
}

/** Of R7 to R9 into R0; see dataplane/flows/flow-hash.ts. */
function hash(key: Int32Array): Item[] {
  return [
    move(R0, R7),
    compute('xor', R0, R8),
    ...moveWide(R1, key[0], key[1]),
    compute('multiply', R0, R1),
    move(R2, R9),
    ...moveWide(R1, key[2], key[3]),
    compute('multiply', R2, R1),
    compute('add', R0, R2),
    ...moveWide(R1, key[4], key[5]),
    compute('add', R0, R1),
    compute('shiftRight', R0, 32),
  ];
}

/** The map's element with the number at LOOKUP_KEY into R0; the kernel writes this call out. */
function lookUp(fd: number): Item[] {
  return [
    ...moveMap(R1, fd),
    move(R2, R10),
    compute('add', R2, LOOKUP_KEY),
    call(kernel.HELPER_MAP_LOOKUP),
  ];
}

/** The flow of R7 to R9 among those of the bucket in R0 into R9. */
function compareWays(miss: string): Item[] {
  return Array.from({ length: WAYS }, (_, way) => {
    const at = (field: number): number => word(way * FLOW_WORDS + field);
    const next = way === WAYS - 1 ? miss : `way ${way + 1}`;
    return [
      `way ${way}`,
      load(4, R1, R0, at(SOURCE)),
      jumpIf('notEqual', R1, R7, next),
      load(4, R1, R0, at(DESTINATION)),
      jumpIf('notEqual', R1, R8, next),
      load(4, R1, R0, at(PORTS)),
      jumpIf('notEqual', R1, R9, next),
      move(R9, R0),
      compute('add', R9, at(0)),
      goto('found'),
    ];
  }).flat();
}

/** The IP header's words add up to ones. */
function checkHeaderChecksum(miss: string): Item[] {
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

/** The packet is all there, and each of the segments that it will be cut into fits. */
function checkLength(miss: string): Item[] {
  return [
    load(4, R2, R6, kernel.SKB_LENGTH),
    ...totalLength(R3),
    jumpIf('atLeast', R3, HEADERS_LEAST, 'has headers'),
    goto(miss),
    'has headers',
    compute32('add', R3, IP),
    jumpIf('above', R3, R2, miss),
    load(4, R1, R6, kernel.SKB_GSO_SIZE),
    jumpIf('equal', R1, 0, 'one segment'),
    load(1, R2, R10, HEADERS + TCP_DATA_OFFSET),
    // The upper half of the byte, in words of four bytes.
    compute32('shiftRight', R2, 4),
    compute32('shiftLeft', R2, 2),
    compute32('add', R2, IP_HEADER_END),
    compute32('add', R2, R1),
    move(R3, R2),
    'one segment',
    load(4, R1, R9, word(FRAME_MAX)),
    jumpIf('above', R3, R1, miss),
  ];
}

/** Of the IP packet, in host order. */
function totalLength(target: Register): Item[] {
  return [
    load(1, target, R10, HEADERS + IP + 2),
    compute32('shiftLeft', target, 8),
    load(1, R4, R10, HEADERS + IP + 3),
    compute32('or', target, R4),
  ];
}

function countPacket(): Item[] {
  return [
    move(R1, 1),
    atomicAdd(4, R9, word(PACKETS), R1),
    ...totalLength(R1),
    atomicAdd(8, R9, word(BYTES_LOW), R1),
  ];
}

/** Where the packet has one of SYN, FIN and RST, or the data plane has asked for it. */
function report({ reportsFd, reports }: FlowMap): Item[] {
  return [
    load(4, R7, R9, word(REPORT)),
    load(1, R8, R10, HEADERS + TCP_FLAGS),
    jumpIf('anyBit', R7, REPORT_NEXT, 'reported once'),
    jumpIf('anyBit', R8, FIN_SYN_RST, 'reported'),
    goto('not reported'),
    'reported once',
    compute32('and', R7, ~REPORT_NEXT),
    store(4, R9, word(REPORT), R7),
    'reported',
    compute32('shiftRight', R7, REPORT_SLOT_SHIFT),
    compute32('shiftLeft', R7, 8),
    compute32('or', R7, R8),
    load(8, R2, R10, POINTER),
    move(R1, 1),
    atomicFetchAdd(4, R2, word(REPORTS), R1),
    compute32('and', R1, reports - 1),
    store(4, R10, LOOKUP_KEY, R1),
    ...lookUp(reportsFd),
    jumpIfNull(R0, 'not reported'),
    store(4, R0, 0, R7),
    'not reported',
  ];
}

/** MAC addresses, TTL, the IP header's checksum and one address: on the stack, and into the packet in one piece. */
function rewriteHeaders(): Item[] {
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
function rewritePorts(): Item[] {
  const rewrite = (at: number): Item[] => [
    load(2, R3, R10, HEADERS + at),
    store(2, R10, HEADERS + at, R8),
    move(R1, R6),
    move(R2, TCP_CHECKSUM),
    load(2, R4, R10, HEADERS + at),
    move(R5, 2),
    call(kernel.HELPER_L4_CHECKSUM_REPLACE),
  ];
  return [
    jumpIf('anyBit', R8, CHANGES_PORT, 'port changes'),
    goto('out'),
    'port changes',
    jumpIf('anyBit', R8, REWRITES_SOURCE, 'source port'),
    ...rewrite(IP_HEADER_END + 2),
    goto('ports'),
    'source port',
    ...rewrite(IP_HEADER_END),
    'ports',
    ...storeBytes(IP_HEADER_END, HEADERS + IP_HEADER_END, TCP_PORTS_BYTES),
    'out',
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

/** The words of a table's last bucket, which say how it is to be read. */
export function describeTable(
  words: Int32Array,
  { buckets, key }: Pick<FlowMap, 'buckets' | 'key'>,
): void {
  words.set(key, KEY);
  words[BUCKETS] = buckets;
}
