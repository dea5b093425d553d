/**
 * How new clients fare while SYNs flood in and the table is full, with one defence and another: curl, so many
 * times at once, each from a port of its own.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Director } from '../../lab/director.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, serverAddress, VIP } from '../../lab/plan.js';
import { startWebServers } from '../../lab/webserver.js';
import type { Counters } from '../../src/control/api.js';
import { percentile } from '../macro/statistics.js';
import { Flood, swallowAnswers } from './flood.js';
import { columns } from './results.js';

export interface Newcomers {
  settings: string;
  clients: number;
  answered: number;
  /** Of those that were answered; null where none was. */
  medianSeconds: number | null;
  p90Seconds: number | null;
  /** At the end. */
  tableUsed: number;
  drops: Record<string, number>;
}

const OFF = 'drop_first_syn=0';
/** uvsd's --set. */
const VARIANTS: readonly (readonly string[])[] = [
  [OFF],
  [OFF, 'drop_packet=1'],
  [OFF, 'drop_entry=1'],
  [OFF, 'drop_entry=1', 'drop_packet=1', 'secure_tcp=1'],
  [],
  ['drop_entry=1'],
];
const TABLE = 65_536;
/** A table of that size is full within a third of a second. */
const FILL_MS = 4000;
const AT_ONCE = 20;
const ROUNDS = 3;
const PATIENCE_SECONDS = 10;

export async function measureNewcomers(framesPerSecond: number): Promise<Newcomers[]> {
  const results: Newcomers[] = [];
  for (const settings of VARIANTS) {
    const lab = Lab.up({ id: 'newcomers', numbered: true, plan: natPlan({ servers: 2 }) });
    results.push(await measure(lab, settings, framesPerSecond));
    lab.down();
  }
  return results;
}

async function measure(
  lab: Lab,
  settings: readonly string[],
  framesPerSecond: number,
): Promise<Newcomers> {
  const host = lab.host('director');
  await startWebServers(lab, { accessLog: false });
  const set = settings.flatMap((setting) => ['--set', setting]);
  const director = await Director.start(host, ['--max-connections', String(TABLE), ...set]);
  const servers = [1, 2].map((n) => `-a -t ${VIP}:80 -r ${serverAddress(n)}:80 -m\n`);
  await director.adm('-R', { input: `-A -t ${VIP}:80 -s rr\n${servers.join('')}` });
  await swallowAnswers(host, lab.host('client'));
  const pace = { framesPerSecond, seconds: ROUNDS * PATIENCE_SECONDS + 60 };
  const flood = await Flood.start(lab, { mode: 'syn', target: VIP, port: 80, ...pace });
  await pause(FILL_MS);
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const all = await Promise.all(Array.from({ length: AT_ONCE }, () => request(lab)));
    seconds.push(...all.filter((time) => time !== null));
  }
  const status = await host.output('uvs', ['status', '--json']);
  await flood.stop();
  const { connections, drops } = JSON.parse(status) as Counters;
  const sorted = seconds.sort((a, b) => a - b);
  return {
    settings: settings.length === 0 ? '(defaults)' : settings.join(' '),
    clients: ROUNDS * AT_ONCE,
    answered: seconds.length,
    medianSeconds: seconds.length === 0 ? null : percentile(sorted, 50),
    p90Seconds: seconds.length === 0 ? null : percentile(sorted, 90),
    tableUsed: connections.used,
    drops: Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0)),
  };
}

/** Seconds until the answer was there; null where none came. */
async function request(lab: Lab): Promise<number | null> {
  const limit = ['--max-time', String(PATIENCE_SECONDS), '--fail'];
  const output = ['--silent', '--output', '/dev/null', '--write-out', '%{time_total}'];
  const client = lab.host('client');
  const { exit, stdout } = await client.run('curl', [...limit, ...output, `http://${VIP}/`]);
  return exit === 0 ? Number(stdout) : null;
}

export function newcomersTable(results: readonly Newcomers[]): string {
  const lines = results.map((one) => [
    one.settings,
    `${one.answered} of ${one.clients}`,
    ...[one.medianSeconds, one.p90Seconds].map((time) => time?.toFixed(2) ?? '-'),
    String(one.tableUsed),
  ]);
  const title = `new clients, a table of ${TABLE} and a flood of SYNs`;
  return `${title}\n${columns([['', 'answered', 's p50', 's p90', 'in table'], ...lines], 1)}`;
}
