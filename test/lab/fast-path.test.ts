import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW } from '../../dataplane/sys/capabilities.js';
import { Director } from '../../lab/director.js';
import type { Host } from '../../lab/host.js';
import type { LabProcess } from '../../lab/process.js';
import { serverAddress, VIP } from '../../lab/plan.js';
import { makeTestFile, requestSeries } from '../../lab/traffic.js';
import type { Counters } from '../../src/control/api.js';
import { requireBpf } from '../support/bpf-run.js';
import { connectionsOf } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';
import { talk } from './support/talk.js';

const FILE_BYTES = 100_000_000;
/** Another port than the servers'. */
const OTHER = `${VIP}:8080`;
const FAST = ['--fast-path', 'on'];
/** One instruction: TC_ACT_OK. */
const PASS_ALL = '1,6 0 0 0';
const CLSACT = /clsact/;

/** A client's connection that is kept; counts its answers. */
class Talker {
  /** As listings show it: with a colon. */
  port = '';
  readonly process: LabProcess;
  private answers = 0;

  constructor(client: Host) {
    this.process = talk(client, VIP, 80);
  }

  async answered(): Promise<void> {
    const [, port] = await this.process.output(/connected (\d+)/);
    this.port = `:${port}`;
    this.asks();
    await this.hears();
  }

  asks(): void {
    this.answers++;
    this.process.write('get\n');
  }

  async hears(): Promise<void> {
    await this.process.output(new RegExp(`^connected \\d+\n(data\n){${this.answers}}`));
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

describe('the fast path in the lab', () => {
  before(function () {
    requireBpf(this);
  });
  const setting = useDirector({
    uvsd: FAST,
    rules: `${serviceRules('-s rr')}-A -t ${OTHER} -s rr\n-a -t ${OTHER} -r ${serverAddress(1)}:80 -m\n`,
  });

  it('forwards transfers in both directions as they were sent, also to another port', async () => {
    const { client, lab } = setting;
    const file = makeTestFile(lab, 'large', FILE_BYTES);
    for (const service of [SERVICE, OTHER]) {
      const before = (await forwarded()).bytes;
      const url = `http://${service}/files/`;
      const down = await client.output('sh', ['-c', `curl -sS --fail ${url}large | sha256sum`]);
      assert.equal(down.slice(0, 64), file.sha256);
      const script = `curl -sS --fail ${url}large | curl -sS --fail -T - ${url}back`;
      await client.output('sh', ['-c', script]);
      const back = await client.output('sh', ['-c', `curl -sS --fail ${url}back | sha256sum`]);
      if (service === OTHER) assert.equal(back.slice(0, 64), file.sha256);
      assert.ok((await forwarded()).bytes - before > 2 * FILE_BYTES);
    }
  });

  it('takes one more capability, which the data plane does not have', () => {
    const [director, worker] = [setting.director.daemon.pid, workerPid()].map((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return BigInt(`0x${/^CapPrm:\s*(\w+)$/m.exec(status)?.[1]}`);
    });
    assert.equal(director, CAP_NET_ADMIN | CAP_NET_RAW | CAP_BPF);
    assert.equal(worker, CAP_NET_ADMIN);
  });

  it('goes on while the data plane stands still, and shows what happened meanwhile', async () => {
    const [kept, leaving, aborted] = await connectAll(3);
    const pid = workerPid();
    process.kill(pid, 'SIGSTOP');
    try {
      await kept.answered();
      await leaving.answered();
      leaving.process.write('end\n');
      await leaving.process.done;
      aborted.process.write('reset\n');
      await aborted.process.done;
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const states = await eventually(listedStates, (found) => found.includes('CLOSE'));
    for (const state of ['ESTABLISHED', 'TIME_WAIT', 'CLOSE']) assert.ok(states.includes(state));
    await kept.answered();
    await kept.stop();
  });

  it('goes on when the data plane dies, which learns what was forwarded without it', async () => {
    const [kept, leaving] = await connectAll(2);
    const pid = workerPid();
    process.kill(pid, 'SIGSTOP');
    leaving.process.write('end\n');
    await leaving.process.done;
    const { port } = leaving;
    process.kill(pid, 'SIGKILL');
    await kept.answered();
    await eventually(
      async () => workerPid(),
      (now) => now !== pid && now > 0,
    );
    const rows = await eventually(
      async () => connectionsOf(await setting.director.adm('-Lnc')),
      (found) => found.some(({ client, state }) => client.endsWith(port) && state === 'TIME_WAIT'),
    );
    assert.equal(rows.find(({ client }) => client.endsWith(port))?.state, 'TIME_WAIT');
    await kept.answered();
    await kept.stop();
  });

  it("stops a deleted server's packets, and has them go on when it is back", async () => {
    const { director } = setting;
    const [talker] = await connectAll(1);
    const { port } = talker;
    const row = connectionsOf(await director.adm('-Lnc')).find(({ client }) =>
      client.endsWith(port),
    );
    assert.ok(row !== undefined);
    await director.adm(`-e -t ${SERVICE} -r ${row.destination} -m -w 0`);
    await talker.answered();
    await director.adm(`-d -t ${SERVICE} -r ${row.destination}`);
    talker.asks();
    const drops = await eventually(
      async () => (await counters()).drops,
      (found) => found.destination_unavailable > 0,
    );
    assert.ok(drops.destination_unavailable > 0);
    await director.adm(`-a -t ${SERVICE} -r ${row.destination} -m`);
    await talker.hears();
    await talker.stop();
  });

  it("comes before others' programs at the interface, and leaves them there", async () => {
    await addOthersProgram();
    const before = (await forwarded()).packets;
    assert.equal((await requestSeries(setting.client, URL, 30)).length, 30);
    const after = await eventually(forwarded, ({ packets }) => packets - before > 100);
    assert.ok(after.packets - before > 100);
  });

  it('is handed on when the director is killed, also to one without it', async () => {
    const { directorHost } = setting;
    const [talker] = await connectAll(1);
    for (const options of [FAST, ['--fast-path', 'off']]) {
      await setting.director.kill();
      assert.match(await programs(), /uvs_forward/);
      await talker.answered();
      setting.director = await Director.start(directorHost, options);
      assert.equal((await programs()).includes('uvs_forward'), options === FAST);
      await talker.answered();
      assert.equal((await requestSeries(setting.client, URL, 9)).length, 9);
    }
    await setting.director.stop();
    await talker.stop();
  });

  it('is removed when the director stops, and by --cleanup where it was killed', async () => {
    const { directorHost } = setting;
    setting.director = await Director.start(directorHost, FAST);
    await addOthersProgram();
    await setting.director.stop();
    assert.doesNotMatch(await programs(), /uvs_forward/);
    assert.match(await programs(), /pref 7/);
    assert.doesNotMatch(await directorHost.output('tc', ['qdisc', 'show', 'dev', 'ext0']), CLSACT);

    setting.director = await Director.start(directorHost, FAST);
    const worker = workerPid();
    await setting.director.kill();
    process.kill(worker, 'SIGKILL');
    assert.match(await programs(), /uvs_forward/);
    assert.match(await directorHost.output('uvsd', ['--cleanup']), /program at int0 removed/);
    assert.doesNotMatch(await programs(), /uvs_forward/);
    assert.match(await programs(), /pref 7/);
    assert.doesNotMatch(await directorHost.output('tc', ['qdisc', 'show', 'dev', 'ext0']), CLSACT);
  });

  it('is part of what --check looks at', async () => {
    const { directorHost } = setting;
    const check = ['--check', ...FAST];
    assert.equal((await directorHost.run('uvsd', check)).exit, 0);
    const bounded = ['--bounding-set', '-bpf,-sys_admin', 'uvsd'];
    const refused = await directorHost.run('setpriv', [...bounded, ...check]);
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /--fast-path: no fast path: .*CAP_BPF/);
  });

  /** Connections that have had an answer each. */
  async function connectAll(count: number): Promise<Talker[]> {
    const talkers = Array.from({ length: count }, () => new Talker(setting.client));
    await Promise.all(talkers.map((talker) => talker.answered()));
    return talkers;
  }

  async function listedStates(): Promise<string[]> {
    return connectionsOf(await setting.director.adm('-Lnc')).map(({ state }) => state);
  }

  async function counters(): Promise<Counters> {
    return JSON.parse(await setting.directorHost.output('uvs', ['status', '--json'])) as Counters;
  }

  async function forwarded(): Promise<NonNullable<Counters['fastPath']>> {
    const { fastPath } = await counters();
    assert.ok(fastPath !== null);
    return fastPath;
  }

  /** One that ends all filtering: those behind it have nothing. */
  async function addOthersProgram(): Promise<void> {
    const words = 'filter replace dev int0 ingress prio 7 handle 1 protocol all bpf da bytecode';
    await setting.directorHost.output('tc', [...words.split(' '), PASS_ALL]);
  }

  function programs(): Promise<string> {
    return setting.directorHost.output('tc', ['filter', 'show', 'dev', 'int0', 'ingress']);
  }

  function workerPid(): number {
    const owner = join(setting.directorHost.folder, 'state/tables/owner');
    return Number(readFileSync(owner, 'utf8'));
  }
});
