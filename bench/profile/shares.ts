/** Samples added up by group, by function and by system call. */
import { GROUPS, groupOf, shortName, systemCallOf, type Frame } from './groups.js';

/** Some time in one function. */
export interface Share {
  readonly group: string;
  readonly name: string;
  /** Samples, or microseconds: the same in all of a list. */
  readonly weight: number;
}

export interface GroupShare {
  readonly title: string;
  /** Of all time, from 0 to 1. */
  readonly share: number;
  /** The functions in which most of it was spent, with their shares of all time. */
  readonly top: readonly { readonly name: string; readonly share: number }[];
}

export function sharesOfStacks(stacks: readonly (readonly Frame[])[]): Share[] {
  return stacks.map((stack) => ({ group: groupOf(stack), name: shortName(stack[0]), weight: 1 }));
}

const SCRIPT_GROUPS = new Set(['engine', 'driver', 'other-script']);

/**
 * perf sees compiled JavaScript as V8 made it, with most of the engine within the loop's function. What is in these
 * groups is divided as V8's own profiler divides it.
 */
export function withScripts(shares: readonly Share[], byV8: readonly Share[]): Share[] {
  const isScript = ({ group }: Share) => SCRIPT_GROUPS.has(group);
  const scripts = byV8.filter(isScript);
  if (scripts.length === 0) return [...shares];
  const factor = sumOf(shares.filter(isScript)) / sumOf(scripts);
  return [
    ...shares.filter((share) => !isScript(share)),
    ...scripts.map((share) => ({ ...share, weight: share.weight * factor })),
  ];
}

/** Groups with any time in them, in the order of GROUPS. `topCount`: so many functions of each. */
export function grouped(shares: readonly Share[], topCount: number): GroupShare[] {
  const total = sumOf(shares);
  return GROUPS.flatMap(({ id, title }) => {
    const own = shares.filter((share) => share.group === id);
    if (own.length === 0) return [];
    const names = [...new Set(own.map(({ name }) => name))];
    const top = names
      .map((name) => ({ name, share: sumOf(own.filter((one) => one.name === name)) / total }))
      .toSorted((a, b) => b.share - a.share)
      .slice(0, topCount);
    return [{ title, share: sumOf(own) / total, top }];
  });
}

/** Share of all time that was spent in each system call, most first. */
export function bySystemCall(
  stacks: readonly (readonly Frame[])[],
): [name: string, share: number][] {
  const counts = new Map<string, number>();
  for (const stack of stacks) {
    const name = systemCallOf(stack);
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1 / stacks.length);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

/** A line for each stack there is and how often it occurred, as flame graph programs read them. */
export function folded(stacks: readonly (readonly Frame[])[]): string {
  const counts = new Map<string, number>();
  for (const stack of stacks) {
    const line = stack.map((frame) => shortName(frame).replaceAll(';', ',')).toReversed();
    const key = line.join(';');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `${line} ${count}\n`).join('');
}

function sumOf(shares: readonly Share[]): number {
  return shares.reduce((sum, { weight }) => sum + weight, 0);
}
