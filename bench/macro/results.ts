/** The results as they are kept in a file. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { LabError, messageOf } from '../../lab/errors.js';
import type { Metric, Work } from './axes/axis.js';
import type { Machine } from './machine.js';
import type { CpuTime, Memory } from './processes.js';
import { resultsSchema } from './schema.js';
import type { Placement } from './site.js';

export const FORMAT = 1;

/** One peer on one axis in one round. */
export interface Sample {
  readonly axis: string;
  readonly peer: string;
  /** From 1 on. */
  readonly round: number;
  /** By the keys of the axis' metrics. */
  readonly values: Readonly<Record<string, number>>;
  readonly details: Readonly<Record<string, number>>;
  /** What was moved in all. */
  readonly work: number;
  /** What the director's processes took meanwhile; null where it has none. */
  readonly cpu: CpuTime | null;
  /** Share of the machine, from 0 to 1, that programs had which don't belong to the measurement. */
  readonly others: number;
  /** Not in the oldest results. */
  readonly shares?: Shares | undefined;
}

/** What the whole machine's processors did meanwhile, from 0 to 1; what is missing to 1, other machines had. */
export interface Shares {
  readonly user: number;
  readonly system: number;
  readonly interrupt: number;
  readonly idle: number;
}

export interface AxisInfo {
  readonly id: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  /** What `Sample.work` counts. */
  readonly work: Work | null;
  /** The director was on the same processor in all rounds. */
  readonly apart?: boolean | undefined;
}

export interface PeerInfo {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly settings: string;
  /** Before the first and after the last measurement; null where there are no processes. */
  readonly memory: { readonly start: Memory; readonly end: Memory } | null;
}

export interface Settings {
  readonly rounds: number;
  readonly seconds: number;
  /** Of wrk. */
  readonly connections: number;
  /** Null: wherever the kernel put things. */
  readonly placement: Placement | null;
}

/** Of results that were taken in an emulated machine: what it was emulated by and on. */
export interface Emulation {
  /** "QEMU emulator version 7.2, TCG" */
  readonly by: string;
  /** The real machine's processor and kernel. */
  readonly processor: string;
  readonly kernel: string;
  /** What these results can be used for, in a sentence or two. */
  readonly meaning: string;
}

export interface Results {
  readonly format: number;
  readonly date: string;
  readonly command: string;
  /** Without it they are from a real machine. */
  readonly emulated?: true | undefined;
  readonly emulation?: Emulation | undefined;
  readonly machine: Machine;
  readonly settings: Settings;
  readonly peers: readonly PeerInfo[];
  readonly axes: readonly AxisInfo[];
  readonly samples: readonly Sample[];
}

/** Throws LabError where there is no such file, or where it isn't one of these. */
export function readResults(file: string): Results {
  return parseResults(contentOf(file), file);
}

/** `name`: what the text is called in errors. */
export function parseResults(content: unknown, name: string): Results {
  const parsed = resultsSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new LabError(
    `${name} holds no results of npm run bench:\n${z.prettifyError(parsed.error)}`,
  );
}

export function contentOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new LabError(`${file}: ${messageOf(error)}`);
  }
}

/** Writes one line a sample: the file stays small, and its history readable. */
export function writeResults(file: string, results: { readonly samples: readonly object[] }): void {
  const { samples, ...rest } = results;
  const head = JSON.stringify(rest, undefined, 2).slice(0, -2);
  const lines = samples.map((sample) => `    ${JSON.stringify(sample, rounded)}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${head},\n  "samples": [\n${lines.join(',\n')}\n  ]\n}\n`);
}

const DIGITS = 6;

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value;
}
