/**
 * A director whose connections the kernel forwards, without a network: the forwarding program runs on frames that a test
 * hands in, in the real kernel, and what the program leaves alone goes to the engine.
 */
import { Accounting } from '../../dataplane/engine/accounting.js';
import { BUCKET_BYTES, BUCKET_WORDS, REPORT_BYTES } from '../../dataplane/flows/layout.js';
import { ELEMENT_BYTES, ELEMENT_WORDS, ELEMENTS } from '../../dataplane/flows/openings-layout.js';
import { OpeningTable } from '../../dataplane/flows/openings-table.js';
import { FlowTable } from '../../dataplane/flows/table.js';
import { FastPath } from '../../dataplane/lifecycle/fast-path.js';
import {
  createArray,
  loadProgram,
  mapArray,
  TRAFFIC_CONTROL,
} from '../../dataplane/sys/fastpath/kernel-objects.js';
import type { FlowMap } from '../../dataplane/sys/fastpath/find-flow.js';
import { describeTable, forwardingProgram } from '../../dataplane/sys/fastpath/programs.js';
import { close } from '../../dataplane/sys/libc.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import type { ProgramRunner } from './bpf-run.js';

/** What the program returns where it has sent a frame on (TC_ACT_REDIRECT). */
export const FORWARDED = 7;
/** Where it has left it alone (TC_ACT_UNSPEC). */
export const LEFT_ALONE = -1;
export const KEY = Int32Array.of(
  0x1234567,
  -0x2345679,
  0x3456789,
  -0x456789b,
  0x56789ab,
  0x6789abc,
);
const REPORTS = 1 << 8;

/** Descriptors of the forwarding program, and of the filter that opens connections. */
export interface OpeningPrograms {
  forward: number;
  open: number;
}

/** A table of flows that is the kernel's as well. */
export class KernelFlows {
  readonly map: FlowMap;
  readonly words: Int32Array;
  readonly reports: Int32Array;
  readonly openings: Int32Array;

  constructor(readonly buckets = 1 << 6) {
    const fd = createArray('uvs_test_flows', BUCKET_BYTES, buckets + 1);
    const reportsFd = createArray('uvs_test_report', REPORT_BYTES, REPORTS);
    const openingsFd = createArray('uvs_test_open', ELEMENT_BYTES, ELEMENTS);
    this.map = { fd, buckets, reportsFd, reports: REPORTS, openingsFd, key: KEY };
    this.openings = mapArray(openingsFd, ELEMENT_BYTES * ELEMENTS);
    this.words = mapArray(fd, BUCKET_BYTES * (buckets + 1));
    this.reports = mapArray(reportsFd, REPORT_BYTES * REPORTS);
    this.clear();
  }

  /** An empty table again. */
  clear(): void {
    const { words, reports, buckets } = this;
    words.fill(0);
    reports.fill(0);
    this.openings.fill(0);
    describeTable(words.subarray(buckets * BUCKET_WORDS), { buckets, key: KEY });
    words[buckets * BUCKET_WORDS] = words[buckets * BUCKET_WORDS + 1] = 1;
  }

  load(): number {
    return loadProgram('uvs_test', TRAFFIC_CONTROL, forwardingProgram(this.map));
  }

  close(): void {
    close(this.map.fd);
    close(this.map.reportsFd);
    close(this.map.openingsFd);
  }
}

interface FlowMemory {
  words: Int32Array;
  reports: Int32Array;
  openings?: Int32Array;
}

/** Gives a director a fast path with these flows. */
export function addFastPath(
  server: VirtualServer,
  { words, reports, openings }: FlowMemory,
  now: number,
): FastPath {
  const flows = new FlowTable(words, reports, () => undefined);
  const table = new OpeningTable(openings ?? new Int32Array(ELEMENTS * ELEMENT_WORDS));
  const { engine, state } = server;
  const accounting = new Accounting(state);
  const fastPath = new FastPath(state, accounting, engine.lifecycle, flows, table, now);
  engine.lifecycle.fastPath = fastPath;
  return fastPath;
}

/** What became of a frame. */
export interface Passage {
  isForwarded: boolean;
  /** The engine's verdict, where the frame came to it. */
  verdict: number;
  frame: Uint8Array;
}

/** Kernel and engine, one behind the other. */
export function pass(
  runner: ProgramRunner,
  program: number,
  server: VirtualServer,
  original: Uint8Array,
  gsoSize: number,
  now: number,
): Passage {
  const { result, frame } = runner.traffic(program, original, gsoSize);
  if (result === FORWARDED) return { isForwarded: true, verdict: 0, frame };
  const copy = Uint8Array.from(original);
  server.engine.catchUp(now);
  const verdict = server.engine.process(copy, 0, copy.length, 0, gsoSize << 16, now);
  return { isForwarded: false, verdict, frame: copy };
}
