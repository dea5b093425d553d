/** This project's director, with its tables on memory's ordinary pages or on huge ones. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Director } from '../../../lab/director.js';
import { LabError } from '../../../lab/errors.js';
import type { Lab } from '../../../lab/lab.js';
import { patient } from '../../../lab/patience.js';
import { connect } from '../../../src/control/client.js';
import { packageVersion } from '../../../src/package.js';
import { childrenOf } from '../../macro/processes.js';
import type { MemoryUse, RunningPeer, ScalePeer } from './peer.js';
import { oneService, timeoutWords } from './rules.js';

/** For those of other rounds that are still closing. */
const SPARE_CONNECTIONS = 1 << 20;
const BLOCK_BYTES = 512;
const SETTLE_MS = 50;
/** The director, its data plane, and the one that waits; a new one takes so long to load what it will run. */
const PROCESSES = 3;
const LOADING_MS = 500;
const POLL_MS = 50;
const RECOVERY_MAX_MS = 10_000;

export const uvs = director('uvs-default', 'uvs', false);
export const uvsOnHugePages = director('uvs-huge', 'uvs, huge pages', true);

function director(id: string, title: string, isHuge: boolean): ScalePeer {
  return {
    id,
    title,
    balances: true,
    quick: true,
    group: 0,
    settings: `--driver ring; tables on a tmpfs${isHuge ? ' with huge=always' : ' as it is by default'}`,
    missing: () => null,
    version: () => packageVersion(),
    start: async (lab, capacity) => {
      const room = ['--max-connections', String(capacity + SPARE_CONNECTIONS)];
      if (!isHuge) return start(lab, join(lab.host('director').folder, 'state'), room);
      const state = mountHuge();
      const running = await start(lab, state, ['--state-dir', state, ...room]);
      return { ...running, end: () => (running.end(), unmount(state)) };
    },
  };
}

async function start(lab: Lab, state: string, options: readonly string[]): Promise<RunningPeer> {
  const host = lab.host('director');
  const uvsd = await Director.start(host, options);
  await uvsd.adm('-R', { input: oneService() });
  const control = await connect(host.controlSocket);
  const pids = () => [uvsd.daemon.pid, ...childrenOf(uvsd.daemon.pid)];
  // It has written its number into the file that it holds a lock of.
  const dataPlane = () => Number(readFileSync(join(state, 'tables', 'owner'), 'utf8'));
  return {
    pids,
    connections: async () => (await control.counters()).connections.used,
    // Without the spare process, which has no connections.
    memory: () => memoryUse(join(state, 'tables'), [uvsd.daemon.pid, dataPlane()]),
    list: ['uvsadm', '-Lnc'],
    dataPlane,
    recover: async () => {
      const deadlineMs = performance.now() + patient(RECOVERY_MAX_MS);
      while (pids().length < PROCESSES && performance.now() < deadlineMs) await pause(POLL_MS);
      await pause(patient(LOADING_MS));
    },
    settle: () => pause(patient(SETTLE_MS)),
    setTimeout: async (seconds) => {
      await host.output('uvsadm', timeoutWords(seconds));
    },
    end: () => control.close(),
  };
}

/** What the files of the tables take, and what its processes have besides. */
function memoryUse(tables: string, pids: readonly number[]): MemoryUse {
  const files = readdirSync(tables).map((name) => statSync(join(tables, name)).blocks);
  const own = pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  });
  return { tables: sum(files) * BLOCK_BYTES, processes: sum(own) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A folder on a file system of its own, which goes with this process at the latest. */
function mountHuge(): string {
  const folder = mkdtempSync('/dev/shm/uvs-scale-');
  run('mount', ['-t', 'tmpfs', '-o', 'huge=always,mode=700', 'uvs', folder]);
  process.on('exit', () => unmount(folder));
  return folder;
}

/** Whoever still has files there open may go on. */
function unmount(folder: string): void {
  if (!existsSync(folder)) return;
  run('umount', ['--lazy', folder]);
  rmdirSync(folder);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new LabError(`${command} ${args.join(' ')}: ${stderr.trim()}`);
}
