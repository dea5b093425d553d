/**
 * Serves the metrics of the tables in a directory: says its port, then at each "end" what happened since "begin". Ends
 * with its input.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { DEFAULT_CAPACITY, State } from '../../../dataplane/state.js';
import { tableMemory } from '../../../dataplane/sys/memory.js';
import { serveHttp } from '../../../src/observe/http-server.js';
import { Metrics } from '../../../src/observe/metrics/exposition.js';
import { Observer } from '../../../src/observe/snapshot.js';
import { viewTables } from '../../../src/virtual-server/tables.js';

const [directory] = process.argv.slice(2);
const { capacity, memory } = viewTables(directory, DEFAULT_CAPACITY);
const state = new State(capacity, memory, tableMemory, [0, 0], 0);
const metrics = new Metrics(
  new Observer({
    state: () => state,
    counters: async () => null,
    dataPlane: () => ({ isServing: true, restarts: 0 }),
    clock: () => 0,
  }),
);
const server = await serveHttp({
  address: { host: '127.0.0.1', port: 0 },
  routes: new Map([['/metrics', () => metrics.answer()]]),
  onFault: (error) => process.stderr.write(`${String(error)}\n`),
});
const delay = monitorEventLoopDelay({ resolution: 1 });
let spent = process.cpuUsage();
process.stdout.write(`${server.address.port}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'begin') {
    delay.reset();
    delay.enable();
    spent = process.cpuUsage();
    process.stdout.write('begun\n');
  } else {
    const { user, system } = process.cpuUsage(spent);
    delay.disable();
    const processorMs = Math.round((user + system) / 1000);
    process.stdout.write(
      `${JSON.stringify({ processorMs, longestMs: Math.round(delay.max / 1e6) })}\n`,
    );
  }
}
await server.close();
