import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { ipv4ToText } from '../../../src/control/ipv4.js';
import type { Endpoints } from '../../../src/virtual-server/endpoints.js';
import { DirectorControl } from '../../../src/director/director-control.js';
import { VipWatch } from '../../../src/director/vip-watch.js';
import { InterceptSync } from '../../../src/director/intercept-sync.js';
import { createLog } from '../../../src/director/log.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { MASQ, ROUND_ROBIN, SERVER, WEB } from '../control/memory-control.js';

const VIP = (10 << 24) | (1 << 16) | 100;

describe('interception, in line with the services', () => {
  let history: string[];
  let log: string[];
  let failure: Error | null;
  let virtualServer: VirtualServer;
  let interception: InterceptSync;
  let control: DirectorControl;

  beforeEach(() => {
    history = [];
    log = [];
    failure = null;
    virtualServer = new VirtualServer({
      hashKey: [1, 2],
      clock: () => 0,
      capacity: { connections: 16, services: 16, destinations: 16 },
      onEndpointsChanged: (touched) => {
        history.push(`engine ${describeEndpoints(virtualServer.interceptedEndpoints.all)}`);
        interception.touch(touched);
        void interception.settleOrWarn();
      },
    });
    const directorLog = createLog({ level: 'info', write: (line) => log.push(line) });
    interception = new InterceptSync({
      wanted: () => virtualServer.interceptedEndpoints,
      apply: async ({ all }) => {
        if (failure !== null) throw failure;
        history.push(`hidden ${describeEndpoints(all())}`);
      },
      log: directorLog,
    });
    control = new DirectorControl({
      inner: virtualServer,
      interception,
      vips: new VipWatch({
        services: () => virtualServer.services(),
        isLocal: async (address) => address === VIP,
        log: directorLog,
      }),
      upgrade: async () => ({ version: '' }),
      snapshot: () => virtualServer.snapshot(),
      log: directorLog,
    });
  });

  it('hides a service and its servers before the engine knows them', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    await control.addDestination(WEB, SERVER, MASQ);
    assert.deepEqual(history, [
      'hidden 10.1.0.100:80 | ',
      'engine 10.1.0.100:80 | ',
      'hidden 10.1.0.100:80 | 10.2.0.1:8080',
      'engine 10.1.0.100:80 | 10.2.0.1:8080',
    ]);
  });

  it('gives a deleted one back after the engine has let go, before the answer', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    await control.addService({ ...WEB, port: 443 }, ROUND_ROBIN);
    history = [];
    await control.deleteService({ ...WEB, port: 443 });
    assert.deepEqual(history, ['engine 10.1.0.100:80 | ', 'hidden 10.1.0.100:80 | ']);
    history = [];
    await control.flush();
    assert.deepEqual(history, ['engine  | ', 'hidden  | ']);
  });

  it('hides every port where a service becomes one for all of them', async () => {
    await control.addService({ ...WEB, port: 21 }, ROUND_ROBIN);
    history = [];
    await control.editService({ ...WEB, port: 21 }, { ...ROUND_ROBIN, persistent: true });
    // While the change is under way both the old and the new are hidden.
    assert.deepEqual(history, [
      'hidden 10.1.0.100:0,10.1.0.100:21 | ',
      'engine 10.1.0.100:0 | ',
      'hidden 10.1.0.100:0 | ',
    ]);
  });

  it('hides all that several changes bring before the first, and logs their number', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    await control.addDestination(WEB, SERVER, MASQ);
    history = [];
    log = [];
    const other = { ...SERVER, address: '10.2.0.2' };
    const third = { ...SERVER, address: '10.2.0.3' };
    const elsewhere = { ...WEB, address: '10.1.0.101' };
    await control.apply([
      { change: 'deleteDestination', service: WEB, key: SERVER },
      { change: 'addDestination', service: WEB, key: other, settings: MASQ },
      { change: 'addDestination', service: WEB, key: third, settings: MASQ },
      { change: 'addService', key: elsewhere, settings: ROUND_ROBIN },
    ]);
    const both = '10.1.0.100:80,10.1.0.101:80';
    const servers = '10.2.0.1:8080,10.2.0.2:8080,10.2.0.3:8080';
    // The deleted server is still hidden, for its connections.
    assert.deepEqual(history, [`hidden ${both} | ${servers}`, `engine ${both} | ${servers}`]);
    assert.match(log[0], /rule command="-d -t 10\.1\.0\.100:80 -r 10\.2\.0\.1:8080"$/m);
    assert.match(log[4], /rules changed serversDeleted=1 serversAdded=2 servicesAdded=1$/m);
    assert.match(log[5], /virtual address is not .* service=tcp:10\.1\.0\.101:80/);
    assert.equal(log.length, 6);
  });

  it('takes back what it hid for changes of which one was refused', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    history = [];
    log = [];
    await assert.rejects(
      control.apply([
        { change: 'addDestination', service: WEB, key: SERVER, settings: MASQ },
        { change: 'addService', key: WEB, settings: ROUND_ROBIN },
      ]),
      { errno: 'EEXIST', message: /^change 2 / },
    );
    assert.deepEqual(history, ['hidden 10.1.0.100:80 | 10.2.0.1:8080', 'hidden 10.1.0.100:80 | ']);
    assert.deepEqual(log, []);
  });

  it('takes back what it hid for a change that was refused', async () => {
    await assert.rejects(control.addService(WEB, { ...ROUND_ROBIN, scheduler: 'magic' }), {
      errno: 'ENOENT',
    });
    assert.deepEqual(history, ['hidden 10.1.0.100:80 | ', 'hidden  | ']);
    assert.deepEqual(log, []);
  });

  it('hides nothing for what it doesn’t support', async () => {
    await assert.rejects(control.addService({ ...WEB, protocol: 'udp' }, ROUND_ROBIN));
    await assert.rejects(control.addService({ ...WEB, fwmark: 7 }, ROUND_ROBIN));
    await control.addService(WEB, ROUND_ROBIN);
    history = [];
    await assert.rejects(control.addDestination(WEB, SERVER, { ...MASQ, forwarding: 'route' }));
    assert.deepEqual(history, []);
  });

  it('makes no change that it can’t hide', async () => {
    failure = new Error('no nftables');
    await assert.rejects(control.addService(WEB, ROUND_ROBIN), /no nftables/);
    assert.deepEqual(await control.services(), []);
  });

  it('tries again with the next change', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    failure = new Error('no nftables');
    await control.deleteService(WEB);
    assert.match(log.at(-2) ?? '', / error interception not in line reason="no nftables"/);
    failure = null;
    history = [];
    await interception.settle();
    assert.deepEqual(history, ['hidden  | ']);
    await interception.settle();
    assert.deepEqual(history, ['hidden  | ']);
  });

  it('makes sure of what there was after a change that failed half way', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    failure = new Error('no memory');
    await assert.rejects(control.addService({ ...WEB, port: 81 }, ROUND_ROBIN), /no memory/);
    failure = null;
    history = [];
    await interception.settle();
    assert.deepEqual(history, ['hidden 10.1.0.100:80 | ']);
  });

  it('does what was asked at once in one go', async () => {
    const first = interception.settle();
    await Promise.all([
      first,
      ...[1, 2, 3, 4].map((port) => control.addService({ ...WEB, port }, ROUND_ROBIN)),
    ]);
    const applied = history.filter((line) => line.startsWith('hidden'));
    assert.ok(applied.length <= 3, applied.join('\n'));
    assert.equal(applied.at(-1), 'hidden 10.1.0.100:1,10.1.0.100:2,10.1.0.100:3,10.1.0.100:4 | ');
  });

  it('logs who has made a change', async () => {
    await control.by({ uid: 1000, pid: 42 }).addService(WEB, ROUND_ROBIN);
    const command = 'command="-A -t 10.1.0.100:80 -s rr"';
    assert.match(log[0], new RegExp(`service added .* ${command} uid=1000 pid=42$`, 'm'));
  });

  it('logs each change, and warns of an address that isn’t this host’s', async () => {
    await control.addService(WEB, ROUND_ROBIN);
    await control.addDestination(WEB, SERVER, MASQ);
    await control.editDestination(WEB, SERVER, { ...MASQ, weight: 0 });
    await control.deleteDestination(WEB, SERVER);
    await control.zero(WEB);
    await control.zero();
    await control.deleteService(WEB);
    await control.flush();
    await control.addService({ ...WEB, address: '10.9.9.9' }, ROUND_ROBIN);
    const web = 'service=tcp:10.1.0.100:80';
    const server = `${web} server=10.2.0.1:8080`;
    const both = '-t 10.1.0.100:80 -r 10.2.0.1:8080';
    assert.deepEqual(
      log.map((line) => line.slice(25).trimEnd()),
      [
        `info  service added ${web} command="-A -t 10.1.0.100:80 -s rr"`,
        `info  server added ${server} command="-a ${both} -m -w 1"`,
        `info  server edited ${server} command="-e ${both} -m -w 0"`,
        `info  server deleted ${server} command="-d ${both}"`,
        `info  counters zeroed ${web}`,
        'info  counters zeroed',
        `info  service deleted ${web} command="-D -t 10.1.0.100:80"`,
        'info  all services deleted command=-C',
        'info  service added service=tcp:10.9.9.9:80 command="-A -t 10.9.9.9:80 -s rr"',
        'warn  virtual address is not an address of this host: clients will not reach it ' +
          'service=tcp:10.9.9.9:80 remedy="ip address add 10.9.9.9/32 dev INTERFACE"',
      ],
    );
  });

  it('passes everything else on', async () => {
    assert.deepEqual(await control.info(), await virtualServer.info());
    await control.setSetting('sloppy_tcp', 1);
    assert.deepEqual(await control.settings(), await virtualServer.settings());
    await control.setTimeouts({ tcpSeconds: 5, tcpFinSeconds: 0, udpSeconds: 0 });
    assert.equal((await control.timeouts()).tcpSeconds, 5);
  });
});

function describeEndpoints({ virtual, real }: Endpoints): string {
  return `${listOf(virtual)} | ${listOf(real)}`;
}

function listOf(endpoints: Endpoints['real']): string {
  return endpoints
    .map(({ address, port }) => `${ipv4ToText(address)}:${port}`)
    .toSorted()
    .join(',');
}
