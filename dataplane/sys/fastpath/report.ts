/** Reports to the data plane, in the order in which packets came (dataplane/flows/layout.ts). */
import { REPORTS } from '../../flows/layout.js';
import {
  atomicFetchAdd,
  compute32,
  jumpIfNull,
  load,
  move,
  R0,
  R1,
  R10,
  R2,
  store,
  type Item,
  type Register,
} from './assembler.js';
import { lookUp, type FlowMap } from './find-flow.js';
import { LOOKUP_KEY, POINTER, word } from './stack.js';

/** Puts a report into the ring; it is in a register that outlives a call, the table's description at POINTER. */
export function makeReport({ reportsFd, reports }: FlowMap, report: Register): Item[] {
  return [
    load(8, R2, R10, POINTER),
    move(R1, 1),
    atomicFetchAdd(4, R2, word(REPORTS), R1),
    compute32('and', R1, reports - 1),
    store(4, R10, LOOKUP_KEY, R1),
    ...lookUp(reportsFd),
    jumpIfNull(R0, 'no room for reports'),
    store(4, R0, 0, report),
    'no room for reports',
  ];
}
