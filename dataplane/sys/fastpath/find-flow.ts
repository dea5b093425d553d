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
  OPENS,
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
  R5,
  R6,
  R7,
  R8,
  R9,
  store,
  type Item,
} from './assembler.js';
import * as kernel from './context.js';
import { checkHeaderChecksum, checkTotalLength, header, readHeaders } from './headers.js';
import {
  HEADERS,
  IP_DESTINATION,
  IP_HEADER_END,
  IP_SOURCE,
  LOOKUP_KEY,
  POINTER,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  word,
} from './stack.js';

export const SYN = 0x02;
export const ACK = 0x10;
/** All but those of congestion notification. */
export const TCP_FLAGS_MASK = 0x3f;

export interface FlowMap {
  fd: number;
  /** A power of two. */
  buckets: number;
  /** Of reports: the array, and how many it has room for, a power of two. */
  reportsFd: number;
  reports: number;
  /** Of what is prepared for new connections (dataplane/flows/openings-layout.ts). */
  openingsFd: number;
  /** Of the hash: six int32. */
  key: Int32Array;
}

/** Goes on with the flow in R9 and the headers on the stack, or at `miss`. */
export function findFlow(map: FlowMap, generation: number, miss: string): Item[] {
  return [
    ...readHeaders(miss),
    header(1, TCP_FLAGS),
    jumpIf('anyBit', R0, ACK, 'may be a flow'),
    compute32('and', R0, TCP_FLAGS_MASK),
    jumpIf('notEqual', R0, SYN, miss),
    'may be a flow',
    ...readEnds(),
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
    ...checkSyn(miss),
    ...checkHeaderChecksum(miss),
    ...checkLength(miss),
  ];
}

/** A packet's ends, as in the packet: source address into R7, destination address into R8, ports into R9. */
export function readEnds(): Item[] {
  return [
    load(4, R7, R10, HEADERS + IP_SOURCE),
    load(4, R8, R10, HEADERS + IP_DESTINATION),
    load(4, R9, R10, HEADERS + IP_HEADER_END),
  ];
}

/** With SYN, a server's has ACK, and a client's is the one that the flow was made for. */
function checkSyn(miss: string): Item[] {
  return [
    load(1, R1, R10, HEADERS + TCP_FLAGS),
    jumpIf('anyBit', R1, SYN, 'has SYN'),
    goto('may pass'),
    'has SYN',
    load(4, R2, R9, word(NEW_PORT)),
    jumpIf('anyBit', R1, ACK, 'has SYN and ACK'),
    jumpIf('anyBit', R2, OPENS, 'may pass'),
    goto(miss),
    'has SYN and ACK',
    jumpIf('anyBit', R2, REWRITES_SOURCE, 'may pass'),
    goto(miss),
    'may pass',
  ];
}

/** Of R7 to R9 into R0; see dataplane/flows/flow-hash.ts. */
export function hash(key: Int32Array): Item[] {
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

/** The packet is all there, and each of the segments that it will be cut into fits. */
function checkLength(miss: string): Item[] {
  return [
    ...checkTotalLength(miss),
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
