/** `npm run bench:scale`: what a director's work costs with few and with millions of live connections. */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import { SHARE } from '../emulated/guest.js';
import { runEmulated } from '../emulated/machine.js';
import { emulation, installEmulator, MEANING } from '../emulated/report.js';
import { describeMachine } from '../macro/machine.js';
import { goFirst } from '../macro/priority.js';
import { Progress } from '../macro/progress.js';
import { writeResults } from '../macro/results.js';
import { placementFor } from '../macro/site.js';
import { runBenchmark } from '../program.js';
import { expectedSeconds } from './expectation.js';
import { ScaleMeasurement } from './measure.js';
import { HELP, parseScaleOptions, type ScaleOptions } from './options.js';
import type { ScalePeer } from './peers/peer.js';
import { FORMAT, parseScaleResults, type Sample, type ScaleResults } from './results.js';
import { Stage } from './stage.js';
import { scaleTable } from './table.js';

const COMMANDS = ['nft', 'taskset'];
const PROGRAM = 'dist/bench/scale/main.js';
const RESULTS = 'results.json';
const TIMEOUT_MS = 3 * 60 * 60_000;

async function main(argv: readonly string[]): Promise<void> {
  const options = parseScaleOptions(argv);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const command = `npm run bench:scale -- ${argv.join(' ')}`.replace(/ -- $/, '');
  const results = options.emulate
    ? await measureEmulated(options, command)
    : await measureHere(options, command);
  writeResults(options.file, results);
  if (results.emulated === true) process.stdout.write(`Emulated. ${MEANING[options.clock]}\n\n`);
  process.stdout.write(`${scaleTable(results)}\n\n`);
  process.stdout.write(`Results are in ${relative(process.cwd(), options.file)}.\n`);
}

async function measureEmulated(options: ScaleOptions, command: string): Promise<ScaleResults> {
  installEmulator();
  const { clock, memoryMb } = options;
  const run = await runEmulated({
    program: PROGRAM,
    args: [...options.words, '--json', `${SHARE}/${RESULTS}`],
    modules: ['ip_vs'],
    clock,
    memoryMb,
    timeoutMs: TIMEOUT_MS,
  });
  if (run.status !== 0) {
    process.stdout.write(run.stdout);
    throw new LabError(`in the emulated machine it ended with status ${run.status}`);
  }
  const results = parseScaleResults(JSON.parse(run.readFile(RESULTS)), RESULTS);
  return { ...results, command, emulated: true, emulation: emulation(clock) };
}

async function measureHere(options: ScaleOptions, command: string): Promise<ScaleResults> {
  const date = new Date().toISOString();
  requireMachine(COMMANDS);
  const peers = measurable(options);
  const line = new Progress(null);
  const total = expectedSeconds(options, peers);
  const progress = (what: string) => {
    line.show(what, Math.max(0, total - performance.now() / 1000));
  };
  goFirst();
  const samples: Sample[] = [];
  for (const group of new Set(peers.map((peer) => peer.group))) {
    const members = peers.filter((peer) => peer.group === group);
    samples.push(...(await measureGroup(members, options, progress)));
  }
  line.clear();
  const { sizes, rounds, seconds } = options;
  return {
    format: FORMAT,
    date,
    command,
    machine: describeMachine(),
    settings: { sizes: [...sizes], rounds, seconds, placement: placementHere() },
    peers: peers.map((peer) => ({
      id: peer.id,
      title: peer.title,
      version: peer.version(),
      settings: peer.settings,
    })),
    samples,
  };
}

/** The peers that can be measured here. Says which can't be, and fails where just those were asked for. */
function measurable({ peers, peersNamed }: ScaleOptions): ScalePeer[] {
  return peers.filter((peer) => {
    const reason = peer.missing();
    if (reason === null) return true;
    if (peersNamed) throw new LabError(`${peer.title}: ${reason}`);
    process.stderr.write(`without ${peer.title}: ${reason}\n`);
    return false;
  });
}

async function measureGroup(
  peers: readonly ScalePeer[],
  options: ScaleOptions,
  progress: (what: string) => void,
): Promise<Sample[]> {
  const stages: Stage[] = [];
  for (const peer of peers) {
    progress(`getting ready · ${peer.title}`);
    stages.push(await Stage.start(peer, Math.max(...options.sizes), placementHere()));
  }
  const measurement = new ScaleMeasurement(stages, options, progress);
  await measurement.run();
  for (const stage of stages) await stage.end();
  return measurement.samples;
}

function placementHere() {
  return placementFor(availableParallelism());
}

await runBenchmark('bench:scale', main);
