/** Takes the places of a connection's two flows and writes them: what the data plane does in lifecycle/flow-writer.ts. */
import {
  BYTES_HIGH,
  BYTES_LOW,
  CHANGES_PORT,
  DESTINATION,
  FLOW_WORDS,
  FREE,
  GENERATION,
  GENERATION_MAX,
  HEADER_DIFFERENCE,
  IFINDEX,
  NEW_ADDRESS,
  NEW_PORT,
  NOTE_CONNECTION,
  NOTE_PARTNER,
  notesOf,
  OPENS,
  PACKETS,
  PORTS,
  REPORT,
  REPORT_NEXT,
  REPORT_SLOT_SHIFT,
  REST_SLACK_TICKS,
  REST_TICKS,
  RESTING,
  RESTING_SHIFT,
  REWRITES_SOURCE,
  SOURCE,
  TAKEN,
  WAYS,
} from '../../flows/layout.js';
import * as openings from '../../flows/openings-layout.js';
import {
  atomicCompareExchange,
  atomicExchange,
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
  R4,
  R5,
  R7,
  R8,
  R9,
  store,
  type Item,
} from './assembler.js';
import { lookUp, SYN, type FlowMap } from './find-flow.js';
import { makeReport } from './report.js';
import * as at from './stack.js';
import { word } from './stack.js';

/** Where on the stack a flow's pointers and its slot are. */
interface Place {
  name: string;
  flow: number;
  notes: number;
  slot: number;
}

export const TO_SERVER_PLACE: Place = {
  name: 'to server',
  flow: at.TO_SERVER,
  notes: at.TO_SERVER_NOTES,
  slot: at.TO_SERVER_SLOT,
};
export const TO_CLIENT_PLACE: Place = {
  name: 'to client',
  flow: at.TO_CLIENT,
  notes: at.TO_CLIENT_NOTES,
  slot: at.TO_CLIENT_SLOT,
};

const PORT_MASK = 0xffff;

const field = (way: number, index: number): number => word(way * FLOW_WORDS + index);

/** A free place for the flow of R7 to R9, whose hash is in R0; none where there is such a flow. */
export function takePlace(map: FlowMap, { name, flow, notes, slot }: Place, miss: string): Item[] {
  const ways = Array.from({ length: WAYS }, (_, way) => way);
  const label = (way: number, step: string): string => `${name}: ${step} ${way}`;
  return [
    compute32('and', R0, map.buckets - 1),
    store(4, R10, at.LOOKUP_KEY, R0),
    ...lookUp(map.fd),
    jumpIfNull(R0, miss),
    load(4, R5, R10, at.GENERATION_NOW),
    ...ways.flatMap((way) => [
      load(4, R1, R0, field(way, SOURCE)),
      jumpIf('notEqual', R1, R7, label(way, 'other than')),
      load(4, R1, R0, field(way, DESTINATION)),
      jumpIf('notEqual', R1, R8, label(way, 'other than')),
      load(4, R1, R0, field(way, PORTS)),
      jumpIf('notEqual', R1, R9, label(way, 'other than')),
      load(4, R1, R0, field(way, GENERATION)),
      jumpIf('equal', R1, R5, miss),
      label(way, 'other than'),
    ]),
    ...ways.flatMap((way) => [
      load(4, R4, R0, field(way, GENERATION)),
      jumpIf('equal', R4, FREE, label(way, 'free')),
      move(R2, R4),
      compute32('shiftRight', R2, RESTING_SHIFT),
      jumpIf('notEqual', R2, RESTING >>> RESTING_SHIFT, label(way, 'not')),
      load(4, R2, R10, at.NOW),
      compute32('subtract', R2, R4),
      compute32('add', R2, REST_SLACK_TICKS),
      compute32('and', R2, GENERATION_MAX),
      jumpIf('atLeast', R2, REST_TICKS + REST_SLACK_TICKS, label(way, 'free')),
      goto(label(way, 'not')),
      label(way, 'free'),
      move(R1, R0),
      compute('add', R1, field(way, 0)),
      compute('add', R0, word(notesOf(way))),
      move(R3, way),
      goto(`${name}: free`),
      label(way, 'not'),
    ]),
    goto(miss),
    `${name}: free`,
    store(8, R10, flow, R1),
    store(8, R10, notes, R0),
    load(4, R2, R10, at.LOOKUP_KEY),
    compute32('multiply', R2, WAYS),
    compute32('add', R2, R3),
    store(4, R10, slot, R2),
    move(R0, R4),
    move(R2, TAKEN),
    atomicCompareExchange(4, R1, word(GENERATION), R2),
    jumpIf('notEqual', R0, R4, miss),
  ];
}

/** A place that was taken in vain. */
export function releasePlace({ flow }: Place): Item[] {
  return [load(8, R1, R10, flow), store(4, R1, word(GENERATION), FREE)];
}

/** The ends of the server's packets into R7 to R9. */
export function answeringEnds(): Item[] {
  return [
    move(R8, R7),
    load(4, R7, R10, at.OPENING + word(openings.OPENING_ADDRESS)),
    compute32('shiftLeft', R9, 16),
    load(4, R0, R10, at.OPENING + word(openings.OPENING_PORT)),
    compute32('and', R0, PORT_MASK),
    compute32('or', R9, R0),
  ];
}

/** Unless somebody else was quicker. */
export function takeOpening(otherwise: string): Item[] {
  return [
    load(8, R1, R10, at.QUEUE),
    load(4, R0, R10, at.TAKEN_BEFORE),
    move(R2, R0),
    move(R3, R0),
    compute32('add', R2, 1),
    atomicCompareExchange(4, R1, word(openings.QUEUE_TAKEN), R2),
    jumpIf('notEqual', R0, R3, otherwise),
  ];
}

/** Its ends are in R7 to R9. */
export function writeFlowToClient(): Item[] {
  return [
    load(8, R1, R10, at.TO_CLIENT),
    store(4, R1, word(SOURCE), R7),
    store(4, R1, word(DESTINATION), R8),
    store(4, R1, word(PORTS), R9),
    ...copyWord(at.HEADERS + at.IP_DESTINATION, NEW_ADDRESS),
    load(2, R0, R10, at.HEADERS + at.IP_HEADER_END + 2),
    load(4, R2, R10, at.OPENING + word(openings.OPENING_PORT)),
    compute32('and', R2, CHANGES_PORT),
    compute32('or', R0, R2),
    compute32('or', R0, REWRITES_SOURCE),
    store(4, R1, word(NEW_PORT), R0),
    ...copyWord(at.OPENING + word(openings.OPENING_DIFFERENCE_BACK), HEADER_DIFFERENCE),
    ...writeRest(TO_CLIENT_PLACE, TO_SERVER_PLACE, at.CLIENT_WAY),
  ];
}

export function writeFlowToServer(): Item[] {
  return [
    load(8, R1, R10, at.TO_SERVER),
    ...copyWord(at.HEADERS + at.IP_SOURCE, SOURCE),
    ...copyWord(at.HEADERS + at.IP_DESTINATION, DESTINATION),
    ...copyWord(at.HEADERS + at.IP_HEADER_END, PORTS),
    ...copyWord(at.OPENING + word(openings.OPENING_ADDRESS), NEW_ADDRESS),
    load(4, R0, R10, at.OPENING + word(openings.OPENING_PORT)),
    compute32('or', R0, OPENS),
    store(4, R1, word(NEW_PORT), R0),
    ...copyWord(at.OPENING + word(openings.OPENING_DIFFERENCE), HEADER_DIFFERENCE),
    ...writeRest(TO_SERVER_PLACE, TO_CLIENT_PLACE, at.OPENING + word(openings.OPENING_WAY)),
  ];
}

/** From the stack into a word of the flow in R1. */
function copyWord(from: number, to: number): Item[] {
  return [load(4, R0, R10, from), store(4, R1, word(to), R0)];
}

/** Way, counters, what to report, and notes; the flow is in R1. */
function writeRest(own: Place, partner: Place, way: number): Item[] {
  return [
    ...Array.from({ length: openings.WAY_WORDS }, (_, i) =>
      copyWord(way + word(i), IFINDEX + i),
    ).flat(),
    ...[PACKETS, BYTES_LOW, BYTES_HIGH].map((index) => store(4, R1, word(index), 0)),
    load(4, R0, R10, own.slot),
    compute32('add', R0, 1),
    compute32('shiftLeft', R0, REPORT_SLOT_SHIFT),
    compute32('or', R0, REPORT_NEXT),
    store(4, R1, word(REPORT), R0),
    load(8, R1, R10, own.notes),
    load(4, R0, R10, at.OPENING + word(openings.OPENING_SERVER)),
    move(R2, 0),
    compute32('subtract', R2, R0),
    store(4, R1, word(NOTE_CONNECTION), R2),
    load(4, R0, R10, partner.slot),
    store(4, R1, word(NOTE_PARTNER), R0),
  ];
}

/** From now on the flow counts; the exchange has everything else written before. */
export function beginFlow({ flow }: Place): Item[] {
  return [
    load(8, R1, R10, flow),
    load(4, R0, R10, at.GENERATION_NOW),
    atomicExchange(4, R1, word(GENERATION), R0),
  ];
}

/** To the data plane: there is a connection to be made. */
export function reportOpening(map: FlowMap): Item[] {
  return [
    load(4, R8, R10, at.TO_SERVER_SLOT),
    compute32('add', R8, 1),
    compute32('shiftLeft', R8, 8),
    compute32('or', R8, SYN),
    ...makeReport(map, R8),
  ];
}
