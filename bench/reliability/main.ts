/**
 * `npm run bench:reliability`: kills, restarts, upgrades and edits of a director under load, and what its clients
 * notice of it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../dataplane/driver/random.js';
import { Director } from '../../lab/director.js';
import { LabError } from '../../lab/errors.js';
import { Lab } from '../../lab/lab.js';
import { requireMachine } from '../../lab/needs.js';
import { VIP } from '../../lab/plan.js';
import { makeTestFile, parseWrk } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { describeMachine } from '../macro/machine.js';
import { Progress } from '../macro/progress.js';
import { runBenchmark } from '../program.js';
import { KINDS, shuffled, Victim, type Counts, type Kind } from './disturbances.js';
import { Downloads } from './downloads.js';
import { report, type Outcome, type Probe } from './report.js';

const HELP = `Usage: npm run bench:reliability -- [OPTION]...

Disturbs a director while requests are served (wrk on kept connections, kept and new connections that are timed)
and large files are transferred, and says what failed and how long the longest pause was for a client.

  --workers N     kill -9 of the data plane (default 50)
  --directors N   kill -9 of uvsd (default 20)
  --restarts N    restarts (default 5)
  --upgrades N    uvs upgrade (default 5)
  --edits N       changes of rules (default 200)
  --transfers N   transfers at once (default 3)
  --bytes N       size of a file (default 1000000000)
  --seed N        order and times of the disturbances (default 1)
  --json FILE     writes the results there, too
`;

const PROBER = fileURLToPath(new URL('programs/prober.js', import.meta.url));
const KEPT_CONNECTIONS = 10;
const WRK_CONNECTIONS = 20;
/** More than all of it takes; wrk is told to end before. */
const WRK_SECONDS = 3600;
const WARM_UP_MS = 2000;
const GAP_MIN_MS = 100;
const GAP_MAX_MS = 1200;
const EDIT_GAP_MAX_MS = 150;
const RULES = [
  '-A -t VIP:80 -s rr',
  ...[11, 12, 13].map((n) => `-a -t VIP:80 -r 10.2.0.${n}:80 -m`),
];

interface Options {
  counts: Counts;
  transfers: number;
  bytes: number;
  seed: number;
  json: string | null;
}

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  requireMachine(['nginx', 'wrk', 'curl']);
  const lab = Lab.up({ id: 'reliability', numbered: true });
  const outcome = await measure(lab, options);
  process.stdout.write(report(outcome));
  if (options.json !== null) {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify(outcome, null, 1)}\n`);
  }
  return outcome.failures === 0 ? 0 : 1;
}

async function measure(lab: Lab, { counts, transfers, bytes, seed }: Options): Promise<Outcome> {
  const random = new SeededRandom(seed);
  await startWebServers(lab, { accessLog: false });
  const file = makeTestFile(lab, 'large', bytes);
  const victim = new Victim(lab.host('director'), await Director.start(lab.host('director')));
  await victim.director.adm('-R', { input: `${RULES.join('\n')}\n`.replaceAll('VIP', VIP) });
  const client = lab.host('client');
  const load = ['-t', '1', '-c', String(WRK_CONNECTIONS), '-d', `${WRK_SECONDS}s`];
  const wrk = client.spawn('wrk', [...load, '--timeout', '10s', `http://${VIP}:80/`]);
  const prober = client.spawn(process.execPath, [PROBER, VIP, '80', String(KEPT_CONNECTIONS)]);
  const downloads = new Downloads(client, `http://${VIP}/files/large`, file, transfers);
  await pause(WARM_UP_MS);
  const begin = performance.now();
  await disturb(victim, shuffled(counts, random), random);
  const seconds = Math.round((performance.now() - begin) / 1000);
  await pause(WARM_UP_MS);
  const probe = JSON.parse((await prober.stop('SIGTERM')).stdout) as Probe;
  const requests = parseWrk((await wrk.stop('SIGINT')).stdout);
  await downloads.finish();
  await victim.director.stop();
  const { done, failures } = downloads;
  return {
    machine: describeMachine(),
    counts,
    seconds,
    seed,
    wrk: { requests: requests.requests, errors: requests.errors },
    probe,
    transfers: { bytes, done, failures },
    failures: requests.errors + failures.length + probe.kept.failures + probe.new.failures,
  };
}

async function disturb(
  victim: Victim,
  kinds: readonly Kind[],
  random: SeededRandom,
): Promise<void> {
  const progress = new Progress(kinds.length);
  for (const [i, kind] of kinds.entries()) {
    progress.show(`${i + 1} of ${kinds.length}: ${kind}`, kinds.length - i);
    await victim.suffer(kind);
    const longest = kind === 'edit' ? EDIT_GAP_MAX_MS : GAP_MAX_MS;
    await pause((kind === 'edit' ? 0 : GAP_MIN_MS) + random.below(longest));
  }
  progress.clear();
}

/** Null where only the help text is wanted. */
function readOptions(argv: string[]): Options | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: argv,
    options: {
      workers: { ...text, default: '50' },
      directors: { ...text, default: '20' },
      restarts: { ...text, default: '5' },
      upgrades: { ...text, default: '5' },
      edits: { ...text, default: '200' },
      transfers: { ...text, default: '3' },
      bytes: { ...text, default: '1000000000' },
      seed: { ...text, default: '1' },
      json: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { json = null } = values;
  const numbers = [
    values.workers,
    values.directors,
    values.restarts,
    values.upgrades,
    values.edits,
  ];
  const counts = Object.fromEntries(KINDS.map((kind, i) => [kind, count(numbers[i])])) as Counts;
  const { transfers, bytes, seed } = values;
  return { counts, transfers: count(transfers), bytes: count(bytes), seed: count(seed), json };
}

function count(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new LabError(`'${text}' is not a whole number`);
  return Number(text);
}

await runBenchmark('bench:reliability', main);
