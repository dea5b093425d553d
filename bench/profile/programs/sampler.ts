/**
 * Loaded into uvsd and what it starts before anything else (`node --import`): has V8 profile the data plane's process
 * from when the file `start` appears in UVS_PROFILE_FOLDER until `stop` does, and writes `PID.cpuprofile` there.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 100;
const SAMPLE_US = 500;
const SELDOM_US = 10_000_000;

const { UVS_PROFILE_FOLDER: folder = '' } = process.env;

async function appearance(name: string): Promise<void> {
  while (!existsSync(join(folder, name))) await pause(POLL_MS, undefined, { ref: false });
}

function begin(session: Session, interval: number): void {
  session.post('Profiler.setSamplingInterval', { interval });
  session.post('Profiler.start');
}

/**
 * V8 notes in the code that it compiles which function's which part came from, where one was put into another, only
 * while it profiles. So it does from the beginning; what it finds before `start` is thrown away.
 */
async function profile(): Promise<void> {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  begin(session, SELDOM_US);
  await appearance('start');
  session.post('Profiler.stop', () => {});
  begin(session, SAMPLE_US);
  await appearance('stop');
  session.post('Profiler.stop', (_error, result) => {
    const file = join(folder, `${process.pid}.cpuprofile`);
    // Whole or not there.
    writeFileSync(`${file}.part`, JSON.stringify(result.profile));
    renameSync(`${file}.part`, file);
  });
}

if (process.argv[1]?.endsWith(join('worker', 'main.js'))) void profile();
