import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Director } from '../../lab/director.js';
import { pidsIn } from '../../lab/ip.js';
import { requestSeries } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { serviceRules, URL, useLab } from './support/setting.js';
import { asNobody, NOBODY } from './support/stranger.js';

const NET_ADMIN = '0000000000001000';
const NET_ADMIN_AND_RAW = '0000000000003000';

/** The privileges of each thread of a process, as /proc/PID/task/TID/status has them. */
function privilegesOf(pid: number): Record<string, string>[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const lines = status.matchAll(/^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):\s*(\w+)$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function holdsOnly(set: string, bounding: string): Record<string, string> {
  return {
    CapInh: set,
    CapPrm: set,
    CapEff: set,
    CapBnd: bounding,
    CapAmb: set,
    NoNewPrivs: '1',
  };
}

describe('privileges', () => {
  const setting = useLab();

  before(async () => void (await startWebServers(setting.lab)));

  it('of a director that root started are given up in each thread of each process', async () => {
    const director = await Director.start(setting.directorHost);
    await director.adm('-R', { input: serviceRules('-s rr') });
    assert.equal((await requestSeries(setting.client, URL, 9)).length, 9);

    const { pid } = director.daemon;
    for (const thread of privilegesOf(pid)) {
      assert.deepEqual(thread, holdsOnly(NET_ADMIN_AND_RAW, NET_ADMIN_AND_RAW));
    }
    const workers = childrenOf(pid);
    assert.ok(workers.length > 0);
    for (const thread of workers.flatMap(privilegesOf)) {
      assert.deepEqual(thread, holdsOnly(NET_ADMIN, NET_ADMIN_AND_RAW));
    }
    assert.equal(await director.stop(), 0);
  });

  it('of an ordinary user with the two capabilities are enough', async () => {
    const { directorHost, client } = setting;
    const state = join(directorHost.folder, 'state-of-nobody');
    mkdirSync(state);
    chownSync(state, NOBODY, NOBODY);
    const both = '+net_admin,+net_raw';
    const capabilities = ['--inh-caps', both, '--ambient-caps', both];
    const options = ['--state-dir', state, '--socket', join(state, 'uvs.sock')];
    const words = asNobody('lab/uvsd.js', options, capabilities);
    const daemon = directorHost.daemon('uvsd', 'unshare', words);
    await daemon.logged(/\bready\b/);
    const env = { UVS_SOCKET: join(state, 'uvs.sock') };
    await directorHost.output('uvsadm', ['-R'], { env, input: serviceRules('-s rr') });
    assert.equal((await requestSeries(client, URL, 9)).length, 9);
    for (const worker of childrenOf(daemon.pid).flatMap(privilegesOf)) {
      assert.equal(worker['CapPrm'], NET_ADMIN);
    }

    // What another user has left isn't for root without root's powers, but --cleanup keeps them.
    await daemon.stop('SIGKILL');
    const asRoot = await directorHost.run('uvsd', ['--state-dir', state]);
    assert.equal(asRoot.exit, 1);
    assert.match(asRoot.stderr, /can't use the state directory as user 0: EACCES.*chown/);
    await directorHost.output('uvsd', ['--cleanup', '--state-dir', state]);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
    assert.deepEqual(pidsIn(directorHost.namespace), []);
  });

  it("don't reach into other users' files, and the message says so", async () => {
    const { directorHost } = setting;
    const rules = join(directorHost.folder, 'rules-of-nobody');
    writeFileSync(rules, serviceRules('-s rr'));
    chmodSync(rules, 0o600);
    chownSync(rules, NOBODY, NOBODY);
    const result = await directorHost.run('uvsd', ['--rules', rules]);
    assert.equal(result.exit, 2);
    assert.match(result.stderr, /rules-of-nobody.*user 65534.*chown/);
  });
});
