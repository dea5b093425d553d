/**
 * How long one small request and its answer take on a kept connection: alone, and while other connections send
 * half of the requests that this peer can pass on in all.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../../lab/errors.js';
import { wrk } from '../../../lab/traffic.js';
import { packageRoot } from '../../../src/package.js';
import type { Probe } from '../programs/probe.js';
import { WEB } from '../services.js';
import type { Site } from '../site.js';
import type { Axis, Conditions, Metric, Outcome } from './axis.js';
import { CONNECTIONS } from './web.js';

const PROGRAM = join(packageRoot(), 'dist', 'bench', 'macro', 'programs', 'probe.js');

const METRICS: readonly Metric[] = ['p50', 'p90', 'p99', 'p99.9'].map((key) => ({
  key,
  unit: `µs ${key}`,
  better: 'less',
  digits: 0,
}));

export const latency: readonly Axis[] = [
  {
    ...axis('light', 'latency, nothing else going on'),
    work: { unit: 'request', timeUnit: 'µs' },
    quick: true,
    extraSeconds: 0.2,
    measure: probe,
  },
  {
    ...axis('half', 'latency at half load'),
    work: null,
    quick: false,
    extraSeconds: 1.7,
    measure: probeUnderLoad,
  },
];

function axis(id: string, title: string) {
  return {
    id: `latency-${id}`,
    title,
    metrics: METRICS,
    commands: ['wrk'],
    appliesTo: () => true,
  };
}

async function probe(site: Site, { seconds }: Conditions): Promise<Outcome> {
  const args = [PROGRAM, site.address(WEB), String(WEB.port), String(seconds)];
  const result = JSON.parse(await site.client.output(process.execPath, args)) as Probe;
  const { exchanges, ...values } = result;
  return { values, work: exchanges, details: { exchanges } };
}

const LOAD_LEAD_SECONDS = 1;

async function probeUnderLoad(site: Site, conditions: Conditions): Promise<Outcome> {
  const { seconds, requestsPerSecond } = conditions;
  const full = requestsPerSecond || (await fullRate(site));
  const connections = 2 * CONNECTIONS;
  const script = join(site.client.folder, 'half.lua');
  writeFileSync(script, pauseScript(connections / (full / 2)));
  const load = ['-t', '1', '-c', String(connections), '-d', `${seconds + LOAD_LEAD_SECONDS}s`];
  const url = `http://${site.address(WEB)}/`;
  const background = site.client.spawn('wrk', [...load, '-s', script, url]);
  const outcome = await probe(site, conditions);
  const { exit, stdout, stderr } = await background.done;
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(stdout);
  if (exit !== 0 || rate === null) throw new LabError(`wrk: ${stderr}${stdout}`);
  return {
    values: outcome.values,
    details: { ...outcome.details, requestsPerSecond: Number(rate[1]) },
  };
}

async function fullRate(site: Site): Promise<number> {
  const url = `http://${site.address(WEB)}/`;
  const options = { connections: CONNECTIONS, seconds: 1 };
  return (await wrk(site.client, url, options)).requestsPerSecond;
}

/** Pauses of whole milliseconds before each request, exponentially distributed, `mean` seconds on average. */
function pauseScript(mean: number): string {
  return `math.randomseed(1)
function delay()
  return math.floor(-math.log(1 - math.random()) * ${(mean * 1000).toFixed(3)} + math.random())
end
`;
}
