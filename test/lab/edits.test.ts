import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from '../../src/control/client.js';
import type { Change, ServiceKey } from '../../src/control/api.js';
import { Director } from '../../lab/director.js';
import { range, serverAddress, VIP } from '../../lab/plan.js';
import { endWrk, makeTestFile, startWrk, wrk, type TestFile } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { connectionsOf, destinationsOf } from './support/listings.js';
import {
  eventually,
  PATIENCE_SECONDS,
  SERVICE,
  URL,
  useDirector,
  useLab,
} from './support/setting.js';
import { talk } from './support/talk.js';

const MEGABYTE = 1_000_000;
/** Files come from one server by a service of its own. */
const FILES = `${VIP}:8080`;
const FILE_SERVER = `${serverAddress(3)}:80`;
const WEB: ServiceKey = { family: 'inet', protocol: 'tcp', address: VIP, port: 80, fwmark: 0 };
const LOAD_SECONDS = 5;
const CLIENTS = 20;
const KEPT = 6;

/** The web service with weights for some of its servers, by number, and services that come and go with it. */
function rules(options: string, weights: Record<number, number>, others = 0): string {
  const lines = [`-A -t ${SERVICE} ${options}`];
  for (const [n, weight] of Object.entries(weights)) {
    lines.push(`-a -t ${SERVICE} -r ${serverAddress(Number(n))}:80 -m -w ${weight}`);
  }
  lines.push(`-A -t ${FILES} -s rr`, `-a -t ${FILES} -r ${FILE_SERVER} -m -w 1`);
  for (const n of range(others)) {
    lines.push(`-A -t ${VIP}:${9000 + n} -s mh`);
    for (const server of range(3)) {
      lines.push(`-a -t ${VIP}:${9000 + n} -r ${serverAddress(server)}:${n} -m -w ${server}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const AT_FIRST = rules('-s wrr', { 1: 1, 2: 1, 3: 1 });

describe('a director whose rules change under load', () => {
  const setting = useDirector({ rules: AT_FIRST });
  let file: TestFile;
  before(() => {
    file = makeTestFile(setting.lab, 'large', 130 * MEGABYTE);
  });

  /** Resolves to the hash of what arrived. */
  function transfer(bytesPerSecond: string): Promise<string> {
    const url = `http://${FILES}/files/${file.name}`;
    const command = `curl --silent --fail --limit-rate ${bytesPerSecond} ${url} | sha256sum`;
    return setting.client.output('sh', ['-c', command]).then((text) => text.split(' ')[0]);
  }

  function uvs(line: string, input = ''): Promise<{ exit: number | null; stdout: string }> {
    return setting.directorHost.run('uvs', line.split(' '), { input });
  }

  async function apply(text: string): Promise<void> {
    assert.equal((await uvs('apply -', text)).exit, 0);
    assert.equal((await uvs('apply --dry-run -', text)).stdout, 'nothing differs\n');
  }

  /** What is refused, by the rules and by the director, leaves everything as it is. */
  async function applyInVain(): Promise<void> {
    const { director, directorHost } = setting;
    const before = await director.adm('-Sn');
    assert.equal(
      (await uvs('apply -', `${AT_FIRST}-a -t ${VIP}:99 -r ${FILE_SERVER} -m\n`)).exit,
      2,
    );
    const control = await connect(directorHost.controlSocket);
    const changes: Change[] = [
      { change: 'deleteService', key: { ...WEB, port: 8080 } },
      { change: 'deleteService', key: WEB },
      { change: 'deleteService', key: WEB },
    ];
    await assert.rejects(control.apply(changes), { errno: 'ESRCH', message: /^change 3 / });
    control.close();
    assert.equal(await director.adm('-Sn'), before);
  }

  it('loses no request and no byte', async () => {
    const { client, director } = setting;
    const talkers = range(KEPT).map(() => talk(client, VIP, 80));
    await Promise.all(talkers.map((talker) => talker.output(/connected/)));
    // While a server is away its connections' packets are dropped.
    const load = wrk(client, URL, {
      connections: CLIENTS,
      seconds: LOAD_SECONDS,
      patienceSeconds: PATIENCE_SECONDS,
    });
    const loaded = load.then(() => true);
    const received = transfer('22M');
    await eventually(
      async () => destinationsOf(await director.adm('-Ln')),
      (servers) => servers.reduce((sum, { active }) => sum + active, 0) === CLIENTS + KEPT + 1,
    );
    let rounds = 0;
    do {
      await apply(rules('-s wlc', { 1: 3, 3: 0 }, 20));
      await applyInVain();
      // The way of scripts: line after line. Connections to what is deleted go on.
      const lines = [`-D -t ${FILES}`, `-d -t ${SERVICE} -r ${serverAddress(1)}:80`];
      lines.push(`-a -t ${SERVICE} -r ${serverAddress(2)}:80 -m -w 2`, `-A -t ${FILES} -s lc`);
      await director.adm('-R', { input: `${lines.join('\n')}\n` });
      await apply(AT_FIRST);
      rounds++;
    } while (!(await Promise.race([loaded, nextTurn(false)])));
    const { requests, failures } = await load;
    assert.deepEqual(failures, []);
    assert.ok(requests > 0 && rounds > 0);
    // wrk doesn't miss an answer that never comes.
    for (const talker of talkers) talker.write('get\n');
    for (const talker of talkers) await talker.output(/data/);
    await Promise.all(talkers.map((talker) => talker.stop()));
    assert.equal(await received, file.sha256);
  });

  async function connectionsToFiles(): Promise<number> {
    const connections = connectionsOf(await setting.director.adm('-Lnc'));
    return connections.filter(({ virtual }) => virtual === FILES).length;
  }

  it('drains a server: it waits for the transfer, and nobody new comes', async () => {
    const { director, directorHost, client } = setting;
    await apply(AT_FIRST);
    const before = await connectionsToFiles();
    const received = transfer('45M');
    await eventually(connectionsToFiles, (count) => count > before);
    // It may be done before anybody looks. This one stays for as long as it is wanted.
    const talker = talk(client, VIP, 8080);
    await talker.output(/connected/);
    const draining = directorHost.spawn('uvs', ['drain', '--wait', serverAddress(3)]);
    await draining.output(/^[12] active and \d+ inactive connections? left$/m);
    talker.write('end\n');
    const drained = await draining.done;
    assert.equal(drained.exit, 0);
    assert.match(drained.stdout, new RegExp(`nobody uses ${serverAddress(3)} any more\n$`));
    const left = connectionsOf(await director.adm('-Lnc')).filter(
      ({ destination }) => destination === FILE_SERVER,
    );
    assert.deepEqual(
      left.filter(({ state }) => state === 'ESTABLISHED'),
      [],
    );
    assert.equal(await received, file.sha256);

    const { failures } = await wrk(client, URL, {
      connections: 6,
      seconds: 1,
      keepAlive: false,
      patienceSeconds: PATIENCE_SECONDS,
    });
    assert.deepEqual(failures, []);
    const servers = destinationsOf(await director.adm('-Ln'));
    const file3 = servers.filter(({ address }) => address === serverAddress(3));
    assert.deepEqual(
      file3.map(({ weight, active }) => [weight, active]),
      [
        [0, 0],
        [0, 0],
      ],
    );

    const commands = [...drained.stdout.matchAll(/^ {2}uvsadm (.*)$/gm)].map(([, line]) => line);
    for (const line of commands) await director.adm(line);
    assert.equal((await uvs('apply --dry-run -', AT_FIRST)).stdout, 'nothing differs\n');
  });
});

describe('uvsd on SIGHUP', () => {
  const setting = useLab();

  it('reads its rules again: what stays goes on, and a wrong file changes nothing', async () => {
    const { lab, client, directorHost } = setting;
    await startWebServers(lab);
    const file = join(directorHost.folder, 'rules');
    writeFileSync(file, AT_FIRST);
    const director = await Director.start(directorHost, ['--rules', file]);
    const load = startWrk(client, URL, {
      connections: 10,
      seconds: 60,
      patienceSeconds: PATIENCE_SECONDS,
    });

    const wanted = rules('-s wlc', { 1: 3, 2: 1 });
    writeFileSync(file, wanted);
    process.kill(director.daemon.pid, 'SIGHUP');
    await director.daemon.logged(/rules reloaded .*1 service edited/);
    const saved = await director.adm('-Sn');
    assert.deepEqual(
      saved.trimEnd().split('\n').toSorted(),
      wanted.trimEnd().split('\n').toSorted(),
    );

    writeFileSync(file, `${AT_FIRST}-x\n`);
    process.kill(director.daemon.pid, 'SIGHUP');
    await director.daemon.logged(/rules not reloaded, nothing was changed .*rules:7: /);
    assert.equal(await director.adm('-Sn'), saved);

    assert.deepEqual((await endWrk(load)).failures, []);
    assert.equal(await director.stop(), 0);
  });
});
