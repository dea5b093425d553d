/**
 * The first half of both programs: is this a flow's packet? It reads the headers, looks the flow up, and leaves alone whatever
 * is not plain (programs.ts says what that is).
 */
import { STIRRING_FACTOR } from '../../flows/flow-hash.js';
import {
  DESTINATION,
  FLOW_WORDS,
  FRAME_MAX,
  GENERATION,
  NEW_PORT,
  PORTS,
  REWRITES_SOURCE,
  SOURCE,
  WAYS,
} from '../../flows/layout.js';
import {
  call,
  compute,
  compute32,
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
import {
  IP,
  IP_SOURCE,
  IP_DESTINATION,
  IP_HEADER_END,
  TCP_FLAGS,
  HEADERS,
  LOOKUP_KEY,
  POINTER,
  word,
} from './stack.js';

const HEADERS_BYTES = 54;
const ETHERTYPE = 12;
const TCP_DATA_OFFSET = IP_HEADER_END + 12;
/** As a processor of little-endian order reads them from the packet. */
const ETHERTYPE_IPV4 = 0x0008;
const FRAGMENTED = 0xff3f;
const VERSION_AND_LENGTH = 0x45;
const PROTOCOL_TCP = 6;
const SYN = 0x02;
const ACK = 0x10;
const HEADERS_LEAST = 40;

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

/** Goes on with the flow in R9 and the headers on the stack, or at `miss`. */
export function findFlow(map: FlowMap, generation: number, miss: string): Item[] {
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

/** A field of the headers into R0. */
const header = (size: 1 | 2 | 4, at: number): Item => load(size, R0, R10, HEADERS + at);

function readHeaders(miss: string): Item[] {
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
    ...foldDown(15),
    compute32('multiply', R0, STIRRING_FACTOR),
    ...foldDown(16),
  ];
}

/** R0 gets its upper bits mixed into its lower ones. */
function foldDown(bits: number): Item[] {
  return [move(R1, R0), compute32('shiftRight', R1, bits), compute32('xor', R0, R1)];
}

/** The map's element with the number at LOOKUP_KEY into R0; the kernel writes this call out. */
export function lookUp(fd: number): Item[] {
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
export function totalLength(target: Register): Item[] {
  return [
    load(1, target, R10, HEADERS + IP + 2),
    compute32('shiftLeft', target, 8),
    load(1, R4, R10, HEADERS + IP + 3),
    compute32('or', target, R4),
  ];
}
