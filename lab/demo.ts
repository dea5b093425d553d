/**
 * `npm run demo [-- --keep]`: the classic LVS-NAT case on real traffic, told as a story. Every promise made on
 * the way is checked; the exit status is 0 only if all were kept.
 */
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { Director } from './director.js';
import { drawNatPlan } from './drawing.js';
import { endOnSignals } from './ending.js';
import { LabError, messageOf } from './errors.js';
import type { Host } from './host.js';
import { Lab } from './lab.js';
import { VIP } from './plan.js';
import type { LabProcess } from './process.js';
import { Stage } from './stage.js';
import { makeTestFile, tally } from './traffic.js';
import { loggedRequests, startWebServers, type WebServer } from './webserver.js';

const SERVICE = `${VIP}:80`;
const SERVERS = ['10.2.0.11:80', '10.2.0.12:80', '10.2.0.13:80'];
const DOWNLOAD_BYTES = 64 * 1024 * 1024;

interface Scene {
  readonly stage: Stage;
  readonly lab: Lab;
  readonly director: Host;
  readonly client: Host;
  readonly servers: WebServer[];
  /** How many have been sent so far, every one on a connection of its own. */
  requests: number;
}

async function demo(keep: boolean): Promise<number> {
  endOnSignals();
  // A terminal that went away is a reason to exit, too.
  process.stdout.on('error', () => process.exit(1));
  const stage = new Stage();
  let lab: Lab | undefined;
  try {
    lab = Lab.up({ id: 'demo', numbered: true, commands: ['nginx', 'curl'] });
    await play(stage, lab, keep);
  } catch (error) {
    stage.breakOff(messageOf(error));
    if (!(error instanceof LabError)) throw error;
  } finally {
    if (lab !== undefined) end(stage, lab, keep && stage.failures === 0);
  }
  return stage.failures === 0 ? 0 : 1;
}

function end(stage: Stage, lab: Lab, keep: boolean): void {
  if (!keep) {
    lab.down();
    stage.say('\nThe lab is gone: no process, namespace or file of it is left.');
    return;
  }
  lab.keep();
  const uvs = 'node dist/bin/uvs.js';
  stage.say(`
The lab stays up. To play:

    ${uvs} lab exec --lab ${lab.id} client curl http://${VIP}/
    ${uvs} lab exec --lab ${lab.id} director uvsadm -Ln
    ${uvs} lab status

and to take it down:

    ${uvs} lab down --lab ${lab.id}`);
}

async function play(stage: Stage, lab: Lab, keep: boolean): Promise<void> {
  stage.say(`One address, three web servers: LVS-NAT in user space\n\n${drawNatPlan(lab.plan)}\n`);
  stage.say('Each host is a network namespace, the servers are nginx, the director runs uvsd.');
  const servers = await startWebServers(lab);
  const director = await Director.start(lab.host('director'));
  const scene = {
    stage,
    lab,
    director: lab.host('director'),
    client: lab.host('client'),
    servers,
    requests: 0,
  };
  await roundRobin(scene);
  await weights(scene);
  await leastConnections(scene);
  await pausedServer(scene);
  await persistence(scene);
  await statistics(scene);
  await saveAndRestore(scene);
  if (!keep) await cleanEnd(scene, director);
}

async function roundRobin(scene: Scene): Promise<void> {
  const { stage, director } = scene;
  stage.chapter('Round robin: each server in turn');
  await stage.type(director, `uvsadm -A -t ${SERVICE} -s rr`);
  for (const server of SERVERS) {
    await stage.type(director, `uvsadm -a -t ${SERVICE} -r ${server} -m`);
  }
  await stage.type(director, 'uvsadm -Ln');
  const answers = await ask(scene, 9);
  const expected = ['server3', 'server2', 'server1'];
  const inTurn = answers.every((answer, index) => answer === expected[index % 3]);
  stage.promise('each server in turn, beginning with the one added last', inTurn);
  const listing = await stage.type(director, 'uvsadm -Lnc');
  const rows = listing.split('\n').filter((line) => line.includes(SERVICE));
  stage.promise('the table has all nine connections', rows.length === 9);
}

async function weights(scene: Scene): Promise<void> {
  const { stage, director } = scene;
  stage.chapter('Weighted round robin: shares of 3, 2 and 1');
  await stage.type(director, `uvsadm -E -t ${SERVICE} -s wrr`);
  for (const [index, server] of SERVERS.entries()) {
    await stage.type(director, `uvsadm -e -t ${SERVICE} -r ${server} -m -w ${3 - index}`);
  }
  const shares = tally(await ask(scene, 12));
  stage.promise(
    `of 12 answers ${describe(shares)}`,
    shares['server1'] === 6 && shares['server2'] === 4 && shares['server3'] === 2,
  );
}

async function leastConnections(scene: Scene): Promise<void> {
  const { stage, lab, director } = scene;
  stage.chapter('Weighted least connections: new ones go where least is going on');
  await stage.type(director, `uvsadm -E -t ${SERVICE} -s wlc`);
  for (const server of SERVERS) {
    await stage.type(director, `uvsadm -e -t ${SERVICE} -r ${server} -m -w 1`);
  }
  const file = makeTestFile(lab, 'download', DOWNLOAD_BYTES);
  stage.say('  Two slow downloads keep two servers busy:');
  const command = `curl -s --limit-rate 200k http://${VIP}/files/${file.name} -o /dev/null`;
  const downloads = [
    await startDownload(scene, command, 1),
    await startDownload(scene, command, 2),
  ];
  const listing = await stage.type(director, 'uvsadm -Lnc | grep ESTABLISHED');
  const busy = [...listing.matchAll(/10\.2\.0\.1(\d):80/g)].map((match) => `server${match[1]}`);
  const shares = tally(await ask(scene, 6));
  const idle = Object.keys(shares);
  stage.promise(
    `all six went to the idle server, ${idle.join(' and ')}`,
    new Set(busy).size === 2 && idle.length === 1 && !busy.includes(idle[0]),
  );
  for (const download of downloads) await download.stop();
}

/** Starts a download in the background; resolves once the director knows `count` established connections. */
async function startDownload(scene: Scene, command: string, count: number): Promise<LabProcess> {
  const { stage, client, director } = scene;
  scene.requests += 1;
  stage.say(`  client$ ${command} &`);
  const [program, ...args] = command.split(' ');
  const download = client.spawn(program, args);
  await until(async () => {
    const listing = await director.output('uvsadm', ['-Lnc']);
    return listing.split('ESTABLISHED').length - 1 >= count;
  });
  return download;
}

async function pausedServer(scene: Scene): Promise<void> {
  const { stage, director } = scene;
  stage.chapter('A server is paused with weight 0, and taken back');
  await stage.type(director, `uvsadm -E -t ${SERVICE} -s rr`);
  await stage.type(director, `uvsadm -e -t ${SERVICE} -r ${SERVERS[1]} -m -w 0`);
  const without = tally(await ask(scene, 6));
  stage.promise(
    `server2 rests: ${describe(without)}`,
    without['server1'] === 3 && without['server2'] === undefined && without['server3'] === 3,
  );
  await stage.type(director, `uvsadm -e -t ${SERVICE} -r ${SERVERS[1]} -m -w 1`);
  const again = tally(await ask(scene, 6));
  stage.promise(
    `server2 is back: ${describe(again)}`,
    again['server1'] === 2 && again['server2'] === 2 && again['server3'] === 2,
  );
}

async function persistence(scene: Scene): Promise<void> {
  const { stage, director } = scene;
  stage.chapter('Persistence: a client stays with its server');
  await stage.type(director, `uvsadm -E -t ${SERVICE} -s rr -p 60`);
  const shares = tally(await ask(scene, 6));
  stage.promise(`one client, one server: ${describe(shares)}`, Object.keys(shares).length === 1);
  const templates = await stage.type(director, "uvsadm -Lnc | grep 'ASSURED'");
  stage.promise('its template remembers the choice', templates.includes('10.1.0.2:0'));
  await stage.type(director, `uvsadm -E -t ${SERVICE} -s rr`);
}

async function statistics({ stage, director, servers, requests }: Scene): Promise<void> {
  stage.chapter('Statistics, published every two seconds');
  const logs = await loggedRequests(servers, requests);
  const connections = logs.map((log) => new Set(log.map((request) => request.connection)).size);
  await until(
    async () => serviceConnections(await director.output('uvsadm', ['-Ln', '--stats'])) >= requests,
  );
  const shown = await stage.type(director, 'uvsadm -Ln --stats');
  const counted = SERVERS.map((server) => connectionsOf(shown, server));
  stage.promise(
    `connections: ${counted.join(' + ')} = ${serviceConnections(shown)}, and nginx counted the same`,
    serviceConnections(shown) === requests && counted.join() === connections.join(),
  );
}

async function saveAndRestore(scene: Scene): Promise<void> {
  const { stage, director, client } = scene;
  stage.chapter('Save, clear, restore');
  const rules = `${director.folder}/rules`;
  await stage.type(director, `uvsadm-save -n | tee ${rules}`);
  await stage.type(director, 'uvsadm -C');
  const refused = await stage.type(client, `curl -sS http://${VIP}/`);
  stage.promise('without rules nobody is there', /refused|Failed to connect/i.test(refused));
  await stage.type(director, `uvsadm-restore < ${rules}`);
  const saved = await director.output('uvsadm', ['-Sn']);
  const original = await director.output('cat', [rules]);
  stage.promise('the restored rules are the saved ones', saved === original);
  const shares = tally(await ask(scene, 3));
  stage.promise(`back in service: ${describe(shares)}`, Object.keys(shares).length === 3);
}

async function cleanEnd({ stage, director }: Scene, uvsd: Director): Promise<void> {
  stage.chapter('The end');
  stage.say('  director# kill -TERM $(pidof uvsd)');
  const exit = await uvsd.stop();
  stage.promise(`uvsd ended with status ${exit}`, exit === 0);
  const ruleset = await stage.type(director, 'nft list ruleset');
  stage.promise('and left nothing behind', ruleset === '');
}

/** Sends requests, a connection each, shows who answered, and returns the answers. */
async function ask(scene: Scene, count: number): Promise<string[]> {
  scene.requests += count;
  const url = `http://${VIP}/?[1-${count}]`;
  const output = await scene.stage.type(
    scene.client,
    `curl -s -H 'Connection: close' '${url}' | tr '\\n' ' '`,
  );
  return output.split(' ').filter(Boolean);
}

/** "server1 3, server2 3" */
function describe(shares: Record<string, number>): string {
  return Object.entries(shares)
    .map(([server, count]) => `${server} ${count}`)
    .join(', ');
}

function serviceConnections(listing: string): number {
  return connectionsOf(listing, SERVICE);
}

/** The number after an address in a listing of statistics. */
function connectionsOf(listing: string, address: string): number {
  const line = listing.split('\n').find((candidate) => candidate.includes(`${address} `)) ?? '';
  return Number(line.split(address)[1]?.trim().split(/\s+/)[0] ?? NaN);
}

const PATIENCE_MS = 30_000;
const PAUSE_MS = 50;

/** Waits for a condition, but not for ever: what is promised afterwards decides. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await condition()) && performance.now() < end) await pause(PAUSE_MS);
}

const { values: options } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
process.exitCode = await demo(options.keep);
