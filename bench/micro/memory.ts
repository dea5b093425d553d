/** Memory a connection: what is reserved for it, and by how much the process has grown. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from './measure.js';
import type { MemoryFigures } from './memory-probe.js';
import type { SubjectName } from './subjects.js';

export const GROUP = 'memory';
const PROBE = fileURLToPath(new URL('memory-probe.js', import.meta.url));
const KINDS = ['reserved', 'resident', 'heap'] as const;

export function measureMemory(bench: Bench): void {
  const rounds = bench.quick ? 1 : 3;
  for (const live of bench.quick ? [100_000] : [1_000_000, 4_000_000]) {
    for (const subject of ['uvs', 'straightforward'] as const) {
      if (!bench.wants(GROUP, `${subject}, ${live} live`)) continue;
      if (subject === 'straightforward' && live > 1_000_000) continue;
      bench.progress(`memory of ${live} connections, ${subject}`);
      const runs = Array.from({ length: rounds }, () => probe(subject, live));
      for (const kind of KINDS) {
        if (subject === 'straightforward' && kind === 'reserved') continue;
        const unit = 'bytes a connection';
        const figures = runs.map((run) => run[kind]);
        bench.measurements.push({ group: GROUP, case: kind, live, subject, unit, rounds: figures });
      }
    }
  }
}

function probe(subject: SubjectName, live: number): MemoryFigures {
  const command = ['--expose-gc', PROBE, subject, String(live)];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the memory probe failed: ${stderr}`);
  return JSON.parse(stdout) as MemoryFigures;
}
