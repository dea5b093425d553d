/**
 * How long one small request and its answer take on a kept connection: alone, and while other connections send
 * half of the requests that this peer can pass on in all. In short pieces, so that whatever disturbs the machine
 * for a moment disturbs all peers alike.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LabProcess } from '../../../lab/process.js';
import { endWrk, startWrk, wrk } from '../../../lab/traffic.js';
import { packageRoot } from '../../../src/package.js';
import { percentileOf, together } from '../histogram.js';
import type { Probe } from '../programs/probe.js';
import { WEB } from '../services.js';
import type { Site } from '../site.js';
import type { Axis, Conditions, Metric, Outcome } from './axis.js';
import { CONNECTIONS } from './web.js';

const PROGRAM = join(packageRoot(), 'dist', 'bench', 'macro', 'programs', 'probe.js');

const PERCENTILES = [50, 90, 99, 99.9];
const METRICS: readonly Metric[] = PERCENTILES.map((percent) => ({
  key: `p${percent}`,
  unit: `µs p${percent}`,
  better: 'less',
  digits: 0,
}));

export const latency: readonly Axis[] = [
  {
    ...axis('light', 'latency, nothing else going on', 5),
    work: { unit: 'request', timeUnit: 'µs' },
    quick: true,
    extraSeconds: 0.1,
    measure: probe,
  },
  {
    ...axis('half', 'latency at half load', 2),
    work: null,
    quick: false,
    extraSeconds: 1,
    measure: probeUnderLoad,
  },
];

function axis(id: string, title: string, pieces: number) {
  return {
    id: `latency-${id}`,
    title,
    metrics: METRICS,
    commands: ['wrk'],
    pieces: { count: pieces, merge },
    appliesTo: () => true,
  };
}

function merge(outcomes: readonly Outcome[]): Outcome {
  const times = together(outcomes.map((outcome) => outcome.times ?? []));
  const values = PERCENTILES.map((percent) => [`p${percent}`, percentileOf(times, percent)]);
  const work = outcomes.reduce((sum, outcome) => sum + (outcome.work ?? 0), 0);
  const rates = outcomes.flatMap(({ details }) => details?.['requestsPerSecond'] ?? []);
  const sum = rates.reduce((total, rate) => total + rate, 0);
  return {
    values: Object.fromEntries(values) as Record<string, number>,
    work,
    details: {
      exchanges: work,
      ...(rates.length === 0 ? {} : { requestsPerSecond: sum / rates.length }),
    },
  };
}

interface ProbeProgram {
  readonly program: LabProcess;
  /** Asked for so far. */
  pieces: number;
}

/** What sends the requests; it waits between pieces. */
const probes = new WeakMap<Site, ProbeProgram>();

async function probe(site: Site, { seconds }: Conditions): Promise<Outcome> {
  const own = probes.get(site) ?? startProbe(site);
  own.pieces += 1;
  own.program.write(`${seconds}\n`);
  const [, answer] = await own.program.output(new RegExp(`^${own.pieces}: (.*)\n`, 'm'));
  const { exchanges, times } = JSON.parse(answer) as Probe;
  return { values: {}, work: exchanges, times };
}

function startProbe(site: Site): ProbeProgram {
  const args = [PROGRAM, site.address(WEB), String(WEB.port)];
  const own = { program: site.client.spawn(process.execPath, args), pieces: 0 };
  site.atEnd(() => own.program.endInput());
  probes.set(site, own);
  return own;
}

const LOAD_LEAD_MS = 200;

async function probeUnderLoad(site: Site, conditions: Conditions): Promise<Outcome> {
  const { seconds, requestsPerSecond } = conditions;
  const full = requestsPerSecond || (await fullRate(site));
  const connections = 2 * CONNECTIONS;
  const script = join(site.client.folder, 'half.lua');
  writeFileSync(script, pauseScript(connections / (full / 2)));
  const load = { connections, seconds: 3 * seconds + LOAD_LEAD_MS / 1000, script };
  const background = startWrk(site.client, `http://${site.address(WEB)}/`, load);
  await pause(LOAD_LEAD_MS);
  const outcome = await probe(site, conditions);
  const { requestsPerSecond: rate } = await endWrk(background);
  return { ...outcome, details: { requestsPerSecond: rate } };
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
