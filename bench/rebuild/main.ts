/**
 * `npm run bench:rebuild`: how long a data plane takes to take over tables with a million connections, in a process
 * of its own that has just been started, as after a crash.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEFAULT_CAPACITY, type Capacity } from '../../dataplane/state.js';
import { tableMemory } from '../../dataplane/sys/memory.js';
import { openTables } from '../../src/virtual-server/tables.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { median } from '../micro/measure.js';
import { Population } from '../micro/population.js';
import { EngineSubject } from '../micro/subjects.js';

const HELP = `Usage: npm run bench:rebuild -- [--connections N] [--rounds N]

Measures how long a new data plane takes to open tables with N connections (default 1000000) and to build its
index, timers and counters from them, in so many new processes (default 7).
`;

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    /** In the process that is measured: the tables' directory. */
    take: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const connections = Number(values.connections);
const capacity: Capacity = {
  ...DEFAULT_CAPACITY,
  connections: Math.max(DEFAULT_CAPACITY.connections, connections),
};

if (values.help) process.stdout.write(HELP);
else if (values.take !== undefined) takeOver(values.take);
else await measure(Number(values.rounds));

async function measure(rounds: number): Promise<void> {
  const directory = mkdtempSync('/dev/shm/uvs-bench-');
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const { memory } = openTables(directory, capacity);
  const plan = { scheduler: 'wlc', servers: 10, capacity: capacity.connections, memory };
  new Population([await EngineSubject.create(plan)], connections).fill(connections);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const program = [fileURLToPath(import.meta.url), '--take', directory];
    const words = [...program, '--connections', String(connections)];
    times.push(Number(execFileSync(process.execPath, words, { encoding: 'utf8' })));
  }
  const sorted = times.toSorted((a, b) => a - b);
  process.stdout.write(
    `${connections} connections taken over in ${median(times)} ms ` +
      `(${sorted[0]} to ${sorted[sorted.length - 1]} ms, ${rounds} new processes)\n`,
  );
}

function takeOver(directory: string): void {
  const start = performance.now();
  const tables = openTables(directory, capacity);
  const server = new VirtualServer({
    hashKey: [1, 2],
    clock: () => 0,
    capacity: tables.capacity,
    memory: tables.memory,
    allocate: tableMemory,
  });
  server.rebuild();
  const elapsedMs = Math.round(performance.now() - start);
  if (server.state.connections.count !== connections) {
    throw new Error(`found ${server.state.connections.count} connections`);
  }
  process.stdout.write(String(elapsedMs));
}
