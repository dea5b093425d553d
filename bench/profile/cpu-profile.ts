/** Samples by V8's own profiler, for where perf doesn't work: it sees JavaScript, and the kernel not at all. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/package.js';
import { scriptGroup } from './groups.js';
import type { Share } from './shares.js';

const SAMPLER = join(packageRoot(), 'dist', 'bench', 'profile', 'programs', 'sampler.js');
const POLL_MS = 20;

/** What V8 writes: a tree of functions, and for each sample the one that ran and the microseconds since the last. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Environment of a director whose data plane is to be profiled, with its profile going to `folder`. */
export function samplerEnvironment(
  folder: string,
  nodeOptions: readonly string[],
): Record<string, string> {
  const all = [...nodeOptions, '--import', pathToFileURL(SAMPLER).href];
  return { NODE_OPTIONS: all.join(' '), UVS_PROFILE_FOLDER: folder };
}

/** There may be more than one that could move the packets: `worker` is the one that does. */
export async function sample(folder: string, worker: number, seconds: number): Promise<CpuProfile> {
  writeFileSync(join(folder, 'start'), '');
  await pause(seconds * 1000);
  writeFileSync(join(folder, 'stop'), '');
  const file = join(folder, `${worker}.cpuprofile`);
  while (!existsSync(file)) await pause(POLL_MS);
  return JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
}

type Node = CpuProfile['nodes'][number];

/** Without the time in which nothing ran. */
export function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): Share[] {
  const us = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    us.set(id, (us.get(id) ?? 0) + Math.max(0, timeDeltas[index]));
  }
  const callers = new Map<number, Node>();
  for (const node of nodes) for (const child of node.children ?? []) callers.set(child, node);
  return nodes.flatMap((node): Share[] => {
    const weight = us.get(node.id) ?? 0;
    const { functionName, url } = node.callFrame;
    if (weight === 0 || functionName === '(idle)' || functionName === '(root)') return [];
    const group = groupOf(functionName, url);
    return [{ group, name: nameOf(node, group, callers.get(node.id)), weight }];
  });
}

/** V8 has one name for all of an add-on's functions: who called it says more. */
function nameOf(node: Node, group: string, caller: Node | undefined): string {
  if (group === 'native' && caller !== undefined) return `from ${placeOf(caller)}`;
  return placeOf(node);
}

function placeOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const place = url === '' ? '' : ` ${url.replace(/^.*\/dist\//, '')}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${place}`;
}

/** Functions without a file are those of add-ons: their calls into C, and the system calls that these make. */
function groupOf(name: string, url: string): string {
  if (name === '(garbage collector)') return 'garbage';
  if (name === '(program)') return 'runtime';
  return url === '' ? 'native' : scriptGroup(url);
}
