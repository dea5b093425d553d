/**
 * `npm run bench:profile`: where the director's time goes while it works at one of the axes. In parts, so that none
 * disturbs another: the work as it is, then while perf samples it, while V8 does, while its system calls are counted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import type { RemoteControl } from '../../src/control/client.js';
import { connect } from '../../src/control/client.js';
import type { Outcome } from '../macro/axes/axis.js';
import { goFirst } from '../macro/priority.js';
import { cpuTime, pin } from '../macro/processes.js';
import { placementFor, Site } from '../macro/site.js';
import { Watch } from '../macro/watch.js';
import { runBenchmark } from '../program.js';
import { sample, samplerEnvironment, sharesOf } from './cpu-profile.js';
import { HELP, parseProfileOptions, type ProfileOptions, type Profiler } from './options.js';
import { perfMissing, readStacks, record, SymbolMaps, traceCalls, traceMissing } from './perf.js';
import { profileText, type Frames, type Profile, type Sampled, type Traced } from './report.js';
import { bySystemCall, folded, sharesOfStacks, withScripts } from './shares.js';

const COMMANDS = ['nginx', 'iperf3', 'wrk', 'nft', 'taskset'];
const WARM_UP_SECONDS = 2;
/** From the beginning and the end of a measurement, which are not like its middle. */
const MARGIN_SECONDS = 0.3;

async function main(argv: readonly string[]): Promise<void> {
  const options = parseProfileOptions(argv);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  requireMachine(COMMANDS);
  const profiler = chosenProfiler(options.profiler);
  goFirst();
  const folder = mkdtempSync(join(tmpdir(), 'uvs-profile-'));
  const maps = new SymbolMaps();
  try {
    process.stdout.write(profileText(await profile(options, profiler, folder), options.top));
  } finally {
    maps.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosenProfiler(wanted: Profiler | null): Profiler {
  if (wanted === 'node') return 'node';
  const reason = perfMissing();
  if (reason === null) return 'perf';
  if (wanted === 'perf') throw new LabError(reason);
  process.stderr.write(`${reason}; Node's own profiler it is, which doesn't see into the kernel\n`);
  return 'node';
}

async function profile(
  options: ProfileOptions,
  profiler: Profiler,
  folder: string,
): Promise<Profile> {
  const placement = placementFor(availableParallelism());
  const environment = samplerEnvironment(folder, profiler === 'perf' ? ['--perf-basic-prof'] : []);
  const site = await withEnvironment(environment, () => Site.start(options.peer, placement));
  site.beginRound(1, placement);
  if (placement !== null) pin(process.pid, placement.client);
  const control = await connect(site.lab.host('director').controlSocket);
  const subject = new Subject(site, control, options);
  try {
    const worker = await subject.warmUp();
    const plain = await subject.work();
    const sampled = await (profiler === 'perf'
      ? samplePerf(subject, worker, folder, options)
      : sampleScripts(subject, worker, folder));
    return {
      title: `${options.peer.title}, ${options.axis.title}`,
      axis: options.axis,
      profiler,
      plain,
      sampled,
      traced: await trace(subject, worker),
    };
  } finally {
    control.close();
    site.end();
  }
}

async function samplePerf(
  subject: Subject,
  worker: number,
  folder: string,
  options: ProfileOptions,
): Promise<Sampled> {
  const file = join(folder, 'perf.data');
  const run = await subject.work((seconds) => record([worker], seconds, file));
  const stacks = readStacks(file);
  if (stacks.length === 0) throw new LabError('perf has no samples of the data plane');
  if (options.stacks !== null) writeFileSync(options.stacks, folded(stacks));
  const scripts = await sampleScripts(subject, worker, folder);
  const shares = withScripts(sharesOfStacks(stacks), scripts.shares);
  return { ...run, samples: stacks.length, shares, inCalls: bySystemCall(stacks) };
}

async function sampleScripts(subject: Subject, worker: number, folder: string): Promise<Sampled> {
  const run = await subject.work((seconds) => sample(folder, worker, seconds));
  const { samples } = run.result;
  return { ...run, samples: samples.length, shares: sharesOf(run.result), inCalls: [] };
}

async function trace(subject: Subject, worker: number): Promise<Traced> {
  const reason = traceMissing();
  if (reason !== null) return { reason };
  return subject.work(async (seconds) => {
    const before = await subject.frames();
    const calls = await traceCalls(worker, seconds);
    const after = await subject.frames();
    const frames: Frames = {
      received: after.received - before.received,
      sent: after.sent - before.sent,
      bursts: after.bursts - before.bursts,
    };
    return { calls, frames, seconds };
  });
}

/** A director at work. */
class Subject {
  constructor(
    private readonly site: Site,
    private readonly control: RemoteControl,
    private readonly options: ProfileOptions,
  ) {}

  /** Has it work for a moment; resolves to the process that moves the packets. */
  async warmUp(): Promise<number> {
    const before = this.site.directorPids.map((pid) => totalMs(pid));
    await this.measure(WARM_UP_SECONDS);
    const taken = this.site.directorPids.map((pid, index) => totalMs(pid) - before[index]);
    return this.site.directorPids[taken.indexOf(Math.max(...taken))];
  }

  /** Has it work, and looks at the middle of that. */
  async work<T>(look: (seconds: number) => Promise<T> = () => Promise.resolve(undefined as T)) {
    const watch = new Watch(this.site);
    const begin = performance.now();
    const [outcome, result] = await Promise.all([
      this.measure(this.options.seconds),
      pause(MARGIN_SECONDS * 1000).then(() => look(this.options.seconds - 2 * MARGIN_SECONDS)),
    ]);
    const elapsedMs = performance.now() - begin;
    return { outcome, result, elapsedMs, cpu: watch.stop().cpu ?? { userMs: 0, systemMs: 0 } };
  }

  /** Counted since the director was started. */
  async frames(): Promise<Frames> {
    const { counters, measured } = await this.control.snapshot();
    const interfaces = counters?.interfaces ?? [];
    return {
      received: sum(interfaces.map((one) => one.receivedFrames)),
      sent: sum(interfaces.map((one) => one.sentFrames)),
      bursts: sum(measured.bursts.counts),
    };
  }

  private async measure(seconds: number): Promise<Outcome> {
    const { axis } = this.options;
    const placement = placementFor(availableParallelism());
    const conditions = { seconds, placement, requestsPerSecond: 0 };
    const outcome = await axis.measure(this.site, conditions);
    return axis.pieces?.merge([outcome]) ?? outcome;
  }
}

async function withEnvironment<T>(
  environment: Record<string, string>,
  work: () => Promise<T>,
): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    return await work();
  } finally {
    process.env = before;
  }
}

function totalMs(pid: number): number {
  const { userMs, systemMs } = cpuTime([pid]);
  return userMs + systemMs;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

await runBenchmark('bench:profile', main);
