/** One run from the labs' making to the results, whatever is compared in it. */
import { wrk } from '../../lab/traffic.js';
import type { Axis } from './axes/axis.js';
import { CONNECTIONS } from './axes/web.js';
import { describeMachine } from './machine.js';
import { expectedSeconds, Measurement } from './measure.js';
import type { Plan } from './options.js';
import { memory, pin, type Memory } from './processes.js';
import { goFirst } from './priority.js';
import { Progress } from './progress.js';
import { FORMAT, type AxisInfo, type PeerInfo, type Results } from './results.js';
import { WEB } from './services.js';
import { Site } from './site.js';

const START_SECONDS = 1.3;
const EXTRA_SECONDS = 0.2;
/** Where the kernel alone forwards there is nothing that would have to be compiled. */
const KERNEL_WARM_UP_SECONDS = 0.5;
/** For the results, and for each lab to be taken down. */
const END_SECONDS = 2;
const DOWN_SECONDS = 0.7;

/** `command` is what the user typed. Fails with LabError where something does that is measured. */
export async function run(options: Plan, command: string): Promise<Results> {
  const date = new Date().toISOString();
  goFirst();
  const progress = new Progress(null);
  const sites = await start(options, progress);
  const before = sites.map(residentMemory);
  const measurement = new Measurement(sites, options, progress);
  await measurement.run(endOf(options));
  const peers = sites.map((site, index) => describe(site, before[index]));
  for (const site of sites) site.end();
  return {
    format: FORMAT,
    date,
    command,
    machine: describeMachine(),
    settings: {
      rounds: measurement.rounds,
      seconds: options.seconds,
      connections: CONNECTIONS,
      placement: options.placement,
    },
    peers,
    axes: options.axes.map(axisInfo),
    samples: measurement.samples,
  };
}

/** When the last round must have ended, so that the labs can be taken down in time. */
function endOf({ minutes, peers }: Plan): number {
  return ((minutes ?? 0) * 60 - END_SECONDS - peers.length * DOWN_SECONDS) * 1000;
}

/** Builds all labs, and has each peer work for a moment: compilers of hot code, caches, neighbours. */
async function start(options: Plan, progress: Progress): Promise<Site[]> {
  const { peers, placement, warmUpSeconds } = options;
  const warmUp = 2 * warmUpSeconds + EXTRA_SECONDS;
  const sites: Site[] = [];
  for (const [index, peer] of peers.entries()) {
    const left = (peers.length - index) * START_SECONDS + peers.length * warmUp;
    progress.show(`getting ready · ${peer.title}`, left + secondsAfterStart(options, left));
    sites.push(await Site.start(peer, placement));
  }
  // From now on: all clients are children of this process.
  if (placement !== null) pin(process.pid, placement.client);
  for (const [index, site] of sites.entries()) {
    const left = (sites.length - index) * warmUp;
    progress.show(`warming up · ${site.peer.title}`, left + secondsAfterStart(options, left));
    const isKernel = site.directorPids.length === 0;
    await work(site, isKernel ? Math.min(KERNEL_WARM_UP_SECONDS, warmUpSeconds) : warmUpSeconds);
  }
  return sites;
}

/** What is left for the rounds when `start` still takes so many seconds. */
function secondsAfterStart(options: Plan, start: number): number {
  if (options.minutes === null) return expectedSeconds(options);
  return options.minutes * 60 - performance.now() / 1000 - start;
}

/** Requests on kept connections, and new ones. */
async function work(site: Site, seconds: number): Promise<void> {
  const load = { connections: CONNECTIONS, seconds };
  for (const keepAlive of [true, false]) {
    await wrk(site.client, `http://${site.address(WEB)}/`, { ...load, keepAlive });
  }
}

function axisInfo({ id, title, metrics, work, apart }: Axis): AxisInfo {
  return { id, title, metrics, work, ...(apart === undefined ? {} : { apart }) };
}

function residentMemory(site: Site): Memory | null {
  site.checkAlive();
  return site.directorPids.length === 0 ? null : memory(site.directorPids);
}

function describe({ peer, directorPids }: Site, start: Memory | null): PeerInfo {
  return {
    id: peer.id,
    title: peer.title,
    version: peer.version(),
    settings: peer.settings,
    memory: start === null ? null : { start, end: memory(directorPids) },
  };
}
