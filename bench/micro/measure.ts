/**
 * Rounds, medians and spread. In each round every case has its turn, one after the other (A B A B ...), so that
 * whatever else the machine does meets all of them; a round's figure is the median of many short batches, which
 * leaves out those that were interrupted.
 */
import { spreadOf } from '../macro/statistics.js';
import type { SubjectName } from './subjects.js';

export interface Measurement {
  group: string;
  case: string;
  /** Live connections meanwhile; 0 where that doesn't matter. */
  live: number;
  subject: SubjectName;
  unit: string;
  /** One figure a round. */
  rounds: number[];
  /** Garbage made for each packet, in bytes. */
  heapBytes?: number;
}

/** What a group of benchmarks gets to know, and where it leaves what it has measured. */
export interface Bench {
  readonly quick: boolean;
  readonly rounds: number;
  readonly measurements: Measurement[];
  /** What could not be measured, and why. */
  readonly notes: string[];
  /** True where the user has asked for this case. */
  wants(group: string, name: string): boolean;
  progress(text: string): void;
}

export function median(values: readonly number[]): number {
  return spreadOf(values).median;
}

/** Nanoseconds that some work takes. */
export function nanoseconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1e6;
}

/** Makes room: garbage of what was measured before must not be collected while the next thing is. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc');
  globalThis.gc();
}

export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ' ');
}
