import assert from 'node:assert/strict';
import { Director } from '../../lab/director.js';
import type { Host } from '../../lab/host.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, VIP } from '../../lab/plan.js';
import type { LabProcess, RunResult } from '../../lab/process.js';
import { namespaceName } from '../../lab/registry.js';
import { makeTestFile, requestSeries, type TestFile } from '../../lab/traffic.js';
import { startWebServers, WebServer } from '../../lab/webserver.js';
import { ip } from './support/small-lab.js';
import { requireRoot, serviceRules, URL } from './support/setting.js';
import { talk } from './support/talk.js';

const FILE_BYTES = 30_000_000;
/** So that a transfer takes longer than the change that is made under it. */
const RATE = '20M';
/** A client's address behind the director's default gateway. */
const REMOTE = '192.0.2.2';
const EXT0_MAC = '02:00:00:00:00:01';
const LINES_MAX = 12;

/*
 *     client1 10.1.0.2 ─┐                                   ┌── server1 10.2.0.11
 *                       ├─ switch ── ext0 director int0 ── switch ── server2, server3
 *     client2 10.1.0.3 ─┘
 */
describe('when the host changes, under traffic', () => {
  let lab: Lab;
  let client: Host;
  let other: Host;
  let host: Host;
  let director: Director;
  let file: TestFile;
  /** Connections that are kept over all changes, and how many answers each has had. */
  let talkers: LabProcess[];
  let answers: number;
  let logStart: number;

  before(async function () {
    requireRoot(this);
    lab = Lab.up({ id: 'host', numbered: true, plan: natPlan({ clients: 2 }) });
    client = lab.host('client1');
    other = lab.host('client2');
    host = lab.host('director');
    file = makeTestFile(lab, 'file', FILE_BYTES);
    await startWebServers(lab);
    // Whoever has another MAC address says so; of int0's the director's own questions must tell.
    for (const machine of lab.all('server')) await announce(machine, 'lan0');
    await announce(host, 'ext0');
    director = await Director.start(host);
    await director.adm('-R', { input: serviceRules('-s rr') });
    talkers = [1, 2, 3].map(() => talk(client, VIP, 80));
    await Promise.all(talkers.map((talker) => talker.output(/connected/)));
    answers = 0;
  });
  after(() => lab?.down());

  beforeEach(() => {
    logStart = director.daemon.log().length;
  });

  /** Connections and new ones work, nothing has gone wrong, and the log isn't flooded. */
  afterEach(async () => {
    await answered();
    assert.equal((await requestSeries(client, URL, 6)).length, 6);
    const lines = director.daemon.log().slice(logStart).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.includes(' error ') && !line.includes('data plane ended')),
      [],
    );
    const changes = lines.filter((line) => line.includes('host network changed'));
    assert.ok(changes.length <= LINES_MAX, `${changes.length} lines:\n${changes.join('\n')}`);
  });

  /** Each of the connections has a request answered. */
  async function answered(): Promise<void> {
    answers += 1;
    for (const talker of talkers) talker.write('get\n');
    const expected = new RegExp(`^connected \\d+\\n(data\\n){${answers}}$`);
    await Promise.all(talkers.map((talker) => talker.output(expected)));
  }

  async function logged(pattern: RegExp): Promise<void> {
    await director.daemon.logged(pattern, undefined, logStart);
  }

  /** Makes changes while a file is on its way; all of it must arrive as it is. */
  async function underTransfer(change: () => Promise<void>, ...curl: string[]): Promise<void> {
    const options = ['--silent', '--show-error', '--fail', '--limit-rate', RATE, ...curl];
    const command = `curl ${options.join(' ')} ${URL}files/${file.name} | sha256sum`;
    const transfer: Promise<RunResult> = client.run('sh', ['-c', command]);
    await answered();
    await change();
    assert.deepEqual(await transfer, {
      exit: 0,
      signal: null,
      stdout: `${file.sha256}  -\n`,
      stderr: '',
    });
  }

  function change(...commands: string[]): Promise<void> {
    return ip(host, ...commands);
  }

  /** The director's interface is gone, the cable to the switch with it. */
  async function unplug(name: string): Promise<void> {
    await change(`link del ${name}`);
    await logged(new RegExp(`interface ${name}: gone`));
  }

  async function plugAnew(name: string, network: string, ...addresses: string[]): Promise<void> {
    const inSwitch = namespaceName(lab.id, 'switch');
    const port = `director-${name}`;
    await change(`link add ${name} type veth peer name ${port} netns ${inSwitch}`);
    const onSwitch = ['-n', inSwitch, 'link', 'set', port, 'master', network, 'up'];
    await host.output('ip', onSwitch);
    // A card keeps its MAC address; int0 is replaced by another one.
    if (name === 'ext0') await change(`link set ext0 address ${EXT0_MAC}`);
    for (const address of addresses) await change(`addr add ${address} dev ${name}`);
    await change(`link set ${name} up`);
  }

  for (const name of ['int0', 'ext0']) {
    it(`${name} down and up`, () =>
      underTransfer(async () => {
        await change(`link set ${name} down`);
        await logged(new RegExp(`interface ${name}: down`));
        await change(`link set ${name} up`);
        await logged(new RegExp(`interface ${name}: up`));
      }));

    it(`${name} renamed and back`, () =>
      underTransfer(async () => {
        await change(`link set ${name} name new0`);
        await logged(new RegExp(`interface ${name}: renamed to new0`));
        await answered();
        await change(`link set new0 name ${name}`);
        await logged(new RegExp(`interface new0: renamed to ${name}`));
      }));

    it(`${name} with another MAC address`, () =>
      underTransfer(async () => {
        const mac = name === 'ext0' ? EXT0_MAC : '02:00:00:00:00:02';
        await change(`link set ${name} address ${mac}`);
        await logged(new RegExp(`interface ${name}: MAC ${mac}`));
      }));
  }

  it('int0 removed and made anew', () =>
    underTransfer(async () => {
      await unplug('int0');
      await plugAnew('int0', 'inside', '10.2.0.1/24');
      await logged(/interface int0: made anew/);
    }));

  it('ext0 removed and made anew, the VIP with it', () =>
    underTransfer(async () => {
      await unplug('ext0');
      await logged(/ warn .*has left this host/);
      await plugAnew('ext0', 'outside', '10.1.0.1/24', `${VIP}/32`);
      await logged(/interface ext0: made anew/);
      await logged(/ info .*is back on this host/);
    }));

  it('int0 removed while the data plane is started anew', () =>
    underTransfer(async () => {
      await unplug('int0');
      const pids = [...director.daemon.log().matchAll(/data plane open pid=(\d+)/g)];
      process.kill(Number(pids.at(-1)?.[1]), 'SIGKILL');
      await plugAnew('int0', 'inside', '10.2.0.1/24');
      await logged(/data plane open/);
      await answered();
    }));

  it('a smaller MTU inside, and the old one', () =>
    underTransfer(async () => {
      const inside = lab.all('server').map((machine) => ({ machine, name: 'lan0' }));
      for (const mtu of [1300, 1500]) {
        for (const { machine, name } of [...inside, { machine: host, name: 'int0' }]) {
          await ip(machine, `link set ${name} mtu ${mtu}`);
        }
        await logged(new RegExp(`interface int0: MTU ${mtu}`));
        await upload();
      }
    }));

  /** Larger packets than the network inside takes, until the client is told. */
  async function upload(): Promise<void> {
    const target = `${URL}files/uploaded`;
    const options = ['--silent', '--show-error', '--fail', '--upload-file', file.path, target];
    await client.output('curl', options);
    const sum = await client.output('sha256sum', [`${lab.dataFolder()}/uploaded`]);
    assert.equal(sum.split(' ')[0], file.sha256);
  }

  it("the director's address inside removed and added", () =>
    underTransfer(async () => {
      await change('addr del 10.2.0.1/24 dev int0');
      await logged(/addresses removed: 10\.2\.0\.1 dev int0/);
      await change('addr add 10.2.0.1/24 dev int0');
      await logged(/addresses added: 10\.2\.0\.1 dev int0/);
    }));

  it('another route to the servers, and none', () =>
    underTransfer(async () => {
      await change('route add 10.2.0.0/28 dev int0 mtu 1400');
      await logged(/routes added: 10\.2\.0\.0\/28 dev int0 mtu 1400/);
      await answered();
      await change('route replace unreachable 10.2.0.0/28');
      await logged(/routes added: unreachable 10\.2\.0\.0\/28/);
      await change('route del unreachable 10.2.0.0/28');
      await logged(/routes removed: unreachable 10\.2\.0\.0\/28/);
    }));

  it('another default route', async () => {
    await ip(client, `addr add ${REMOTE}/32 dev lo`);
    await ip(other, `route add ${REMOTE} via ${client.address}`);
    await other.output('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    await change(`route add default via ${client.address}`);
    await logged(/routes added: default via 10\.1\.0\.2 dev ext0/);
    await underTransfer(
      async () => {
        await change(`route replace default via ${other.address}`);
        await logged(/routes added: default via 10\.1\.0\.3 dev ext0; removed: default via/);
      },
      '--interface',
      REMOTE,
    );
  });

  it('servers with other MAC addresses', () =>
    underTransfer(async () => {
      for (const [n, machine] of lab.all('server').entries()) {
        await ip(machine, `link set lan0 address 02:00:00:00:01:0${n}`);
        await logged(new RegExp(`10.2.0.1${n + 1} on int0 has moved to 02:00:00:00:01:0${n}`));
      }
    }));

  it('neighbours that the kernel is told to forget', () =>
    underTransfer(async () => {
      await change('neigh flush all');
      await answered();
    }));

  it('the VIP removed and added: connections go on, also without it', () =>
    underTransfer(async () => {
      await change(`addr del ${VIP}/32 dev ext0`);
      await logged(/ warn .*has left this host.*service=tcp:10\.1\.0\.100:80/);
      await answered();
      const refused = await client.run('curl', ['-s', '--max-time', '0.5', URL]);
      assert.notEqual(refused.exit, 0);
      await change(`addr add ${VIP}/32 dev ext0`);
      await logged(/ info .*is back on this host/);
    }));

  it('the VIP moved to another interface', () =>
    underTransfer(async () => {
      await change(`addr del ${VIP}/32 dev ext0`, `addr add ${VIP}/32 dev lo`);
      await logged(/addresses added: 10\.1\.0\.100/);
      await answered();
      await change(`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/32 dev ext0`);
      await logged(/addresses added: 10\.1\.0\.100 dev ext0/);
    }));

  it('the VIP taken by another machine, which has the new connections that still come here', async () => {
    const elsewhere = await WebServer.start(lab, other);
    await change(`addr del ${VIP}/32 dev ext0`);
    await logged(/ warn .*has left this host/);
    await ip(other, `addr add ${VIP}/32 dev lan0`);
    // The kernel may have asked for it in vain before.
    await change('neigh flush all');
    assert.deepEqual(await requestSeries(client, URL, 1), ['client2']);
    await answered();
    await ip(other, `addr del ${VIP}/32 dev lan0`);
    await change(`addr add ${VIP}/32 dev ext0`);
    await logged(/ info .*is back on this host/);
    await elsewhere.stop();
  });

  it('an interface that is new', async () => {
    await change('link add new0 type veth peer name new1', 'addr add 10.9.0.1/24 dev new0');
    await change('link set new0 up');
    await logged(/interface new0: not among those in use/);
    await change('link del new0');
  });
});

describe('when the host changes while a director starts', () => {
  it('it comes up with what there is', async function () {
    requireRoot(this);
    const lab = Lab.up({ id: 'host', numbered: true, plan: natPlan({ servers: 1 }) });
    try {
      const [client, host] = [lab.host('client'), lab.host('director')];
      await startWebServers(lab);
      const progress = { isReady: false };
      const starting = Director.start(host).finally(() => (progress.isReady = true));
      while (!progress.isReady) {
        await ip(host, 'link set ext0 down', 'link set ext0 name new0', 'link set new0 up');
        await ip(host, 'link set new0 name ext0');
      }
      const director = await starting;
      const rules = [`-A -t ${VIP}:80 -s rr`, `-a -t ${VIP}:80 -r 10.2.0.11:80 -m`, ''];
      await director.adm('-R', { input: rules.join('\n') });
      assert.equal((await requestSeries(client, URL, 20)).length, 20);
      assert.equal(await director.stop(), 0);
    } finally {
      lab.down();
    }
  });
});

/** Has the kernel say so when an interface comes up or gets another MAC address. */
async function announce(machine: Host, name: string): Promise<void> {
  await machine.output('sysctl', ['-qw', `net.ipv4.conf.${name}.arp_notify=1`]);
}
