import assert from 'node:assert/strict';
import { prepareLoopback } from '../../dataplane/sys/handback.js';
import { Interception } from '../../dataplane/sys/interception.js';
import { close, sendto } from '../../dataplane/sys/libc.js';
import { setMasquerade } from '../../dataplane/sys/masquerade.js';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { openSendSocket } from '../../dataplane/sys/packet-socket.js';
import { Sysctls, readSysctl } from '../../dataplane/sys/sysctl.js';
import { requestSeries } from '../../lab/traffic.js';
import { WebServer } from '../../lab/webserver.js';
import { address, tcpFrame } from '../support/frames.js';
import { inNamespace } from './support/namespace.js';
import { useSmallLab } from './support/small-lab.js';

const INSIDE = { address: address('10.2.0.0'), prefixLength: 24 };
const TABLE = 'uvs_test';

describe("masquerading of the servers' own connections", () => {
  const lab = useSmallLab();

  before(async () => {
    await WebServer.start(lab.lab, lab.client, { port: 9000 });
    await WebServer.start(lab.lab, lab.server, { port: 9000 });
  });
  beforeEach(() => inNamespace(lab.director, () => setMasquerade(TABLE, [INSIDE])));
  afterEach(() => inNamespace(lab.director, () => removeTables(TABLE)));

  async function seenBy(host: string): Promise<string> {
    return (await requestSeries(lab.server, `http://${host}:9000/whoami`, 1))[0];
  }

  function trackedConnections(): number {
    return inNamespace(lab.director, () => Number(readSysctl('net.netfilter.nf_conntrack_count')));
  }

  it('gives them the address of the interface they leave by', async () => {
    assert.equal(await seenBy('10.1.0.2'), '10.1.0.1');
  });

  it('leaves those alone that come from elsewhere', async () => {
    const seen = await requestSeries(lab.client, 'http://10.2.0.11:9000/whoami', 1);
    assert.deepEqual(seen, ['10.1.0.2']);
  });

  it('ends when it is asked for no network', async () => {
    inNamespace(lab.director, () => setMasquerade(TABLE, []));
    assert.equal(await seenBy('10.1.0.2'), '10.2.0.11');
    assert.equal(await lab.director.output('nft', ['list', 'ruleset']), '');
  });

  it('replaces the networks it was asked for before', async () => {
    const other = { address: address('10.3.0.0'), prefixLength: 16 };
    inNamespace(lab.director, () => setMasquerade(TABLE, [other]));
    const rules = await lab.director.output('nft', ['list', 'table', 'ip', TABLE]);
    assert.match(rules, /ip saddr 10\.3\.0\.0\/16 ip daddr != 10\.3\.0\.0\/16 .*masquerade/);
    assert.doesNotMatch(rules, /10\.2\.0\.0/);
  });

  it('has no connection tracked that is hidden from the kernel, nor a frame that is sent', async () => {
    const interception = inNamespace(lab.director, () =>
      Interception.open({
        tableName: TABLE,
        interfaces: ['ext0', 'int0'].map((name) => ({ name, ifindex: 0 })),
      }),
    );
    interception.update({ virtual: [{ address: address('10.1.0.100'), port: 80 }], real: [] });
    try {
      const before = trackedConnections();
      const hidden = await lab.client.run('curl', ['-s', '--max-time', '1', 'http://10.1.0.100/']);
      assert.equal(hidden.exit, 28);
      const links = JSON.parse(await lab.director.output('ip', ['-j', 'link', 'show', 'int0']));
      const { ifindex } = (links as [{ ifindex: number }])[0];
      const fd = inNamespace(lab.director, () => openSendSocket(ifindex));
      const ends = {
        source: '10.1.0.2',
        sourcePort: 1,
        destination: '10.2.0.11',
        destinationPort: 2,
      };
      const message = Buffer.concat([Buffer.alloc(10), tcpFrame({ ...ends, flags: 2 })]);
      assert.equal(sendto(fd, message, message.length, 0), message.length);
      close(fd);
      assert.equal(trackedConnections(), before);
      await seenBy('10.1.0.2');
      assert.ok(trackedConnections() > before);
    } finally {
      interception.close();
    }
  });
});

describe('kernel settings', () => {
  const lab = useSmallLab();
  const read = (name: string): string => inNamespace(lab.director, () => readSysctl(name));

  async function write(...settings: string[]): Promise<void> {
    await lab.director.output('sysctl', ['-qw', ...settings]);
  }

  it('are put back as they were', async () => {
    await write('net.ipv4.ip_forward=0', 'net.ipv4.conf.ext0.forwarding=1');
    inNamespace(lab.director, () => {
      const sysctls = new Sysctls();
      sysctls.set('net.ipv4.ip_forward', '1');
      sysctls.set('net.ipv4.ip_forward', '1');
      sysctls.set('net.ipv4.conf.ext0.forwarding', '0');
      assert.deepEqual(sysctls.changes(), {
        'net.ipv4.ip_forward': '0',
        'net.ipv4.conf.ext0.forwarding': '1',
      });
      sysctls.restore();
      assert.deepEqual(sysctls.changes(), {});
    });
    assert.equal(read('net.ipv4.ip_forward'), '0');
  });

  it('of lo are changed for handing back only where they are in the way', async () => {
    for (const [all, own, expected] of [
      [0, 0, '0'],
      [1, 0, '2'],
      [0, 1, '2'],
      [2, 0, '0'],
      [1, 2, '2'],
    ] as const) {
      await write(
        `net.ipv4.conf.all.rp_filter=${all}`,
        `net.ipv4.conf.lo.rp_filter=${own}`,
        'net.ipv4.conf.lo.forwarding=0',
      );
      const sysctls = new Sysctls();
      inNamespace(lab.director, () => prepareLoopback(sysctls));
      assert.equal(read('net.ipv4.conf.lo.rp_filter'), expected);
      assert.equal(read('net.ipv4.conf.lo.forwarding'), '1');
      inNamespace(lab.director, () => sysctls.restore());
      assert.equal(read('net.ipv4.conf.lo.rp_filter'), String(own));
      assert.equal(read('net.ipv4.conf.lo.forwarding'), '0');
    }
  });
});
