/** Memory of the director's two processes during a flood of SYNs and after it, with the table full and not. */
import { setTimeout as pause } from 'node:timers/promises';
import { Director } from '../../lab/director.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, serverAddress, VIP } from '../../lab/plan.js';
import { startWebServers } from '../../lab/webserver.js';
import type { Counters } from '../../src/control/api.js';
import { childrenOf, memory } from '../macro/processes.js';
import { Flood, swallowAnswers } from './flood.js';
import { columns } from './results.js';

const VARIANTS: readonly (readonly string[])[] = [['drop_first_syn=0'], []];
const LOOK_SECONDS = 20;
const LOOKS = 6;
const AFTER_SECONDS = 75;

/** Resolves to a table of text. */
export async function memoryTable(framesPerSecond: number): Promise<string> {
  const rows: string[][] = [['', 'seconds', 'connections', 'MB control', 'MB data plane']];
  for (const settings of VARIANTS) {
    const lab = Lab.up({ id: 'memory', numbered: true, plan: natPlan({ servers: 2 }) });
    rows.push(...(await measure(lab, settings, framesPerSecond)));
    lab.down();
  }
  return columns(rows, 1);
}

async function measure(
  lab: Lab,
  settings: readonly string[],
  framesPerSecond: number,
): Promise<string[][]> {
  const host = lab.host('director');
  await startWebServers(lab, { accessLog: false });
  const set = settings.flatMap((setting) => ['--set', setting]);
  const director = await Director.start(host, set);
  const servers = [1, 2].map((n) => `-a -t ${VIP}:80 -r ${serverAddress(n)}:80 -m\n`);
  await director.adm('-R', { input: `-A -t ${VIP}:80 -s rr\n${servers.join('')}` });
  await swallowAnswers(host, lab.host('client'));
  const title = settings.length === 0 ? '(defaults)' : settings.join(' ');
  const { pid } = director.daemon;
  const row = async (when: string) => {
    const { connections } = JSON.parse(await host.output('uvs', ['status', '--json'])) as Counters;
    const megabytes = [[pid], childrenOf(pid)].map((pids) => memory(pids).residentMb.toFixed(0));
    return [title, when, String(connections.used), ...megabytes];
  };
  const rows = [await row('before')];
  const seconds = LOOKS * LOOK_SECONDS + 60;
  const flood = await Flood.start(lab, {
    mode: 'syn',
    target: VIP,
    port: 80,
    framesPerSecond,
    seconds,
  });
  for (let look = 1; look <= LOOKS; look++) {
    await pause(LOOK_SECONDS * 1000);
    rows.push(await row(String(look * LOOK_SECONDS)));
  }
  await flood.stop();
  await pause(AFTER_SECONDS * 1000);
  rows.push(await row('after'));
  return rows;
}
