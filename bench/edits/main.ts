/**
 * `npm run bench:edits`: how long a change of the rules takes while requests are served, from the moment it is
 * sent on an open control connection until the answer: by then it has taken effect.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Director } from '../../lab/director.js';
import { LabError } from '../../lab/errors.js';
import { Lab } from '../../lab/lab.js';
import { requireMachine } from '../../lab/needs.js';
import { natPlan, VIP } from '../../lab/plan.js';
import { parseWrk, type WrkResult } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { connect, type RemoteControl } from '../../src/control/client.js';
import { percentile } from '../macro/statistics.js';
import { runBenchmark } from '../program.js';
import { EDITS, rules, type Edit } from './kinds.js';

const HELP = `Usage: npm run bench:edits -- [--times N] [--json]

Measures how long changes of the rules take under load: milliseconds from sending one on an open control
connection until it is answered.

  --times N  of each kind of change (default: 200)
  --json     prints JSON instead of a table
`;

const CONNECTIONS = 50;
const WARM_UP_MS = 2000;
/** Between two changes: they must meet the load at any point of its course. */
const PAUSE_MAX_MS = 20;
/** More than all of it takes; it is ended before. */
const LOAD_SECONDS = 600;

interface Row {
  title: string;
  times: number;
  p50: number;
  p99: number;
  max: number;
}

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      times: { type: 'string', default: '200' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const times = Number(values.times);
  if (!Number.isInteger(times) || times < 1) throw new LabError('--times needs a whole number');
  requireMachine(['nginx', 'wrk']);
  const lab = Lab.up({ id: 'edits', numbered: true, plan: natPlan({ servers: 2 }) });
  await startWebServers(lab, { accessLog: false });
  const host = lab.host('director');
  const director = await Director.start(host);
  await director.adm('-R', { input: rules() });
  const control = await connect(host.controlSocket);
  const { rows, load } = await underLoad(lab, () => measureAll(control, times));
  control.close();
  await director.stop();
  lab.down();
  process.stdout.write(
    values.json ? `${JSON.stringify({ rows, load }, null, 1)}\n` : text(rows, load),
  );
}

async function underLoad(
  lab: Lab,
  work: () => Promise<Row[]>,
): Promise<{ rows: Row[]; load: WrkResult }> {
  const words = ['-t', '1', '-c', `${CONNECTIONS}`, '-d', `${LOAD_SECONDS}s`, `http://${VIP}:80/`];
  const requests = lab.host('client').spawn('wrk', words);
  await pause(WARM_UP_MS);
  const rows = await work();
  await requests.stop('SIGINT');
  return { rows, load: parseWrk((await requests.done).stdout) };
}

async function measureAll(control: RemoteControl, times: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const edit of EDITS) rows.push(await measure(edit, control, times));
  return rows;
}

async function measure(edit: Edit, control: RemoteControl, times: number): Promise<Row> {
  const samples = new Float64Array(times);
  for (let i = 0; i < times; i++) {
    await pause(Math.random() * PAUSE_MAX_MS);
    const began = performance.now();
    await edit.make(control, i);
    samples[i] = performance.now() - began;
  }
  samples.sort();
  return {
    title: edit.title,
    times,
    p50: percentile(samples, 50),
    p99: percentile(samples, 99),
    max: samples[times - 1],
  };
}

function text(rows: readonly Row[], { requestsPerSecond, errors }: WrkResult): string {
  const width = Math.max(...rows.map(({ title }) => title.length));
  const lines = rows.map(({ title, p50, p99, max }) => {
    const numbers = [p50, p99, max].map((ms) => ms.toFixed(2).padStart(8));
    return `${title.padEnd(width)}${numbers.join('')}`;
  });
  return [
    `${'milliseconds'.padEnd(width)}     p50     p99     max`,
    ...lines,
    `under ${Math.round(requestsPerSecond)} requests/s on ${CONNECTIONS} connections, ${errors} failed`,
    '',
  ].join('\n');
}

await runBenchmark('bench', main);
