/**
 * A client's SYN for which the data plane has prepared a decision (dataplane/flows/openings-layout.ts): the program in the
 * filter of the SYN ring takes the decision, makes both flows of the connection, and reports it; a moment later the
 * forwarding program finds them. In this order, since nothing may be taken in vain:
 *
 *     plain? -> queue of its service, in time? -> next opening -> way to the client known? -> nobody in the way?
 *            -> take a place for either flow -> take the opening -> write the flows -> have them count -> report
 */
import { STIRRING_FACTOR } from '../../flows/flow-hash.js';
import { SKIP_GENERATION } from '../../flows/layout.js';
import * as openings from '../../flows/openings-layout.js';
import {
  atomicFetchAdd,
  call,
  compute,
  compute32,
  goto,
  jumpIf,
  jumpIfNull,
  load,
  move,
  R0,
  R1,
  R10,
  R2,
  R3,
  R7,
  R8,
  R9,
  store,
  type Item,
  type Register,
} from './assembler.js';
import * as kernel from './context.js';
import { hash, lookUp, readEnds, SYN, TCP_FLAGS_MASK, type FlowMap } from './find-flow.js';
import { checkHeaderChecksum, checkTotalLength, header, readHeaders } from './headers.js';
import {
  answeringEnds,
  beginFlow,
  releasePlace,
  reportOpening,
  takeOpening,
  takePlace,
  TO_CLIENT_PLACE,
  TO_SERVER_PLACE,
  writeFlowToClient,
  writeFlowToServer,
} from './make-flows.js';
import * as at from './stack.js';
import { word } from './stack.js';

/** As a processor of little-endian order reads it from the packet: connections from there are a server's FTP data. */
const FTP_DATA_PORT = 20 << 8;
const NS_PER_TICK = 10_000_000;
const NEGATIVE = 0x8000_0000;
const WORD_BITS = 32;
const ELEMENT_BYTES_BITS = Math.log2(openings.ELEMENT_BYTES);

/** Goes on with the connection opened, or at `miss` as if nothing had been. */
export function openConnection(map: FlowMap, miss: string): Item[] {
  return [
    ...readHeaders(miss),
    ...checkOpening(miss),
    ...readEnds(),
    ...hash(map.key),
    store(4, R10, at.HASH, R0),
    ...findQueue(map, miss),
    ...checkDeadline(miss),
    ...checkGeneration(map, miss),
    ...copyOpening(map, miss),
    ...copyClientWay(map, miss),
    ...checkUnoccupied(map, miss),
    load(4, R0, R10, at.HASH),
    ...takePlace(map, TO_SERVER_PLACE, miss),
    ...answeringEnds(),
    ...hash(map.key),
    ...takePlace(map, TO_CLIENT_PLACE, 'release one'),
    ...takeOpening('release both'),
    ...writeFlowToClient(),
    ...writeFlowToServer(),
    ...beginFlow(TO_CLIENT_PLACE),
    ...beginFlow(TO_SERVER_PLACE),
    ...reportOpening(map),
    goto('opened'),
    'release both',
    ...releasePlace(TO_CLIENT_PLACE),
    'release one',
    ...releasePlace(TO_SERVER_PLACE),
    goto(miss),
    'opened',
  ];
}

/** SYN and nothing else that matters, all there, and not from everybody's port. */
function checkOpening(miss: string): Item[] {
  return [
    header(1, at.TCP_FLAGS),
    compute32('and', R0, TCP_FLAGS_MASK),
    jumpIf('notEqual', R0, SYN, miss),
    header(2, at.IP_HEADER_END),
    jumpIf('equal', R0, FTP_DATA_PORT, miss),
    ...checkHeaderChecksum(miss),
    ...checkTotalLength(miss),
    store(4, R10, at.FRAME_LENGTH, R3),
  ];
}

/** The queue of the service in R8 and R9. */
function findQueue(map: FlowMap, miss: string): Item[] {
  return [
    move(R0, R9),
    compute32('shiftRight', R0, 16),
    compute32('xor', R0, R8),
    ...place(openings.QUEUES_BITS),
    store(4, R10, at.QUEUE_NUMBER, R0),
    compute32('add', R0, openings.QUEUES_AT),
    ...element(map, miss),
    store(8, R10, at.QUEUE, R0),
    // Before anything else of it: what is read afterwards holds if this still does when the opening is taken.
    move(R1, 0),
    atomicFetchAdd(4, R0, word(openings.QUEUE_TAKEN), R1),
    store(4, R10, at.TAKEN_BEFORE, R1),
    load(4, R2, R0, word(openings.QUEUE_MADE)),
    jumpIf('equal', R1, R2, miss),
    load(4, R1, R0, word(openings.QUEUE_VIRTUAL)),
    jumpIf('notEqual', R1, R8, miss),
    move(R2, R9),
    compute32('shiftRight', R2, 16),
    load(4, R1, R0, word(openings.QUEUE_PORT)),
    jumpIf('notEqual', R1, R2, miss),
    load(4, R1, R0, word(openings.VALID_GENERATION)),
    store(4, R10, at.GENERATION_NOW, R1),
  ];
}

/** The data plane's clock is the kernel's, in ticks (dataplane/clock.ts). */
function checkDeadline(miss: string): Item[] {
  return [
    call(kernel.HELPER_KTIME_GET_NS),
    compute('divide', R0, NS_PER_TICK),
    store(4, R10, at.NOW, R0),
    load(8, R1, R10, at.QUEUE),
    load(4, R1, R1, word(openings.QUEUE_DEADLINE)),
    compute32('subtract', R1, R0),
    jumpIf('anyBit', R1, NEGATIVE, miss),
  ];
}

/** The queue's is that of the flows. Where that stands is kept: reports are counted there. */
function checkGeneration(map: FlowMap, miss: string): Item[] {
  return [
    store(4, R10, at.LOOKUP_KEY, map.buckets),
    ...lookUp(map.fd),
    jumpIfNull(R0, miss),
    store(8, R10, at.POINTER, R0),
    load(4, R1, R0, word(SKIP_GENERATION)),
    load(4, R2, R10, at.GENERATION_NOW),
    jumpIf('notEqual', R1, R2, miss),
  ];
}

/** The next opening, onto the stack. The frame must not be too long for the way to the server. */
function copyOpening(map: FlowMap, miss: string): Item[] {
  return [
    load(4, R0, R10, at.QUEUE_NUMBER),
    compute32('multiply', R0, openings.QUEUE_ROOM),
    load(4, R1, R10, at.TAKEN_BEFORE),
    compute32('and', R1, openings.QUEUE_ROOM - 1),
    compute32('add', R0, R1),
    compute32('add', R0, openings.OPENINGS_AT),
    ...element(map, miss),
    ...copyWords(R0, 0, at.OPENING, openings.OPENING_WORDS),
    load(4, R1, R10, at.OPENING + word(openings.OPENING_WAY + 1)),
    load(4, R2, R10, at.FRAME_LENGTH),
    jumpIf('above', R2, R1, miss),
  ];
}

/** The way to the client in R7. It is still that client's when it has been copied. */
function copyClientWay(map: FlowMap, miss: string): Item[] {
  const check = [
    load(4, R1, R0, word(openings.CLIENT_ADDRESS)),
    jumpIf('notEqual', R1, R7, miss),
    load(4, R1, R0, word(openings.VALID_GENERATION)),
    load(4, R2, R10, at.GENERATION_NOW),
    jumpIf('notEqual', R1, R2, miss),
  ];
  return [
    move(R0, R7),
    ...place(openings.CLIENTS_BITS),
    ...element(map, miss),
    ...check,
    ...copyWords(R0, openings.CLIENT_WAY, at.CLIENT_WAY, openings.WAY_WORDS),
    ...check,
  ];
}

/** No connection of these ends is in the way. */
function checkUnoccupied(map: FlowMap, miss: string): Item[] {
  return [
    load(4, R0, R10, at.HASH),
    compute32('shiftRight', R0, openings.OCCUPIED_SHIFT + ELEMENT_BYTES_BITS),
    compute32('add', R0, openings.OCCUPIED_AT),
    ...element(map, miss),
    load(4, R1, R10, at.HASH),
    compute32('shiftRight', R1, openings.OCCUPIED_SHIFT),
    compute32('and', R1, openings.ELEMENT_BYTES - 1),
    compute('add', R0, R1),
    load(1, R1, R0, 0),
    jumpIf('notEqual', R1, 0, miss),
  ];
}

/** R0 becomes a number of so many bits, as dataplane/flows/openings-table.ts has it. */
function place(bits: number): Item[] {
  return [
    compute32('multiply', R0, STIRRING_FACTOR),
    compute32('shiftRight', R0, WORD_BITS - bits),
  ];
}

/** The element with the number in R0, into R0. */
function element(map: FlowMap, miss: string): Item[] {
  return [store(4, R10, at.LOOKUP_KEY, R0), ...lookUp(map.openingsFd), jumpIfNull(R0, miss)];
}

/** Words of an element, onto the stack, from behind: see stack.ts. */
function copyWords(base: Register, from: number, to: number, count: number): Item[] {
  return Array.from({ length: count }, (_, i) => count - 1 - i).flatMap((i) => [
    load(4, R1, base, word(from + i)),
    store(4, R10, to + word(i), R1),
  ]);
}
