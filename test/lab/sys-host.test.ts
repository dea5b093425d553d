import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once, EventEmitter } from 'node:events';
import { HostNetwork, type HostNetworkOptions } from '../../dataplane/sys/host.js';
import { NO_HOP } from '../../dataplane/route/routes.js';
import { address } from '../support/frames.js';
import { eventually } from './support/setting.js';
import { inNamespace } from './support/namespace.js';
import { ip, useSmallLab } from './support/small-lab.js';

const SERVER = address('10.2.0.11');
const VIP = address('10.1.0.100');

describe("the host's network by netlink", () => {
  const lab = useSmallLab();
  let network: HostNetwork;
  let events: EventEmitter;

  function open(options: HostNetworkOptions = {}): HostNetwork {
    events = new EventEmitter();
    return inNamespace(lab.director, () =>
      HostNetwork.open({
        ...options,
        onChange: (description) => events.emit('change', description),
        onHop: (hop, resolved) => events.emit(resolved ? 'resolved' : 'lost', hop),
      }),
    );
  }

  /** Resolves to the first change from now on that fits. */
  async function change(pattern: RegExp): Promise<string> {
    for (;;) {
      const [description] = (await once(events, 'change')) as [string];
      if (pattern.test(description)) return description;
    }
  }

  function macsOf(hop: number): { to: string; from: string } {
    const macs = Buffer.alloc(12);
    network.routes.writeMacs(hop, macs, 0);
    const [to, from] = macs.toString('hex').match(/.{12}/g) as [string, string];
    return { to, from };
  }

  async function macOf(host: typeof lab.server, name: string): Promise<string> {
    const text = await host.output('cat', [`/sys/class/net/${name}/address`]);
    return text.trim().replaceAll(':', '');
  }

  before(async () => {
    for (const name of ['ext0', 'int0']) {
      const settings = ['delay_first_probe_time=0', 'retrans_time_ms=20'];
      const named = settings.map((setting) => `net.ipv4.neigh.${name}.${setting}`);
      await lab.director.output('sysctl', ['-qw', ...named]);
    }
  });
  beforeEach(() => ip(lab.director, 'neigh flush all'));
  afterEach(() => network?.close());

  it('takes all interfaces with addresses as ports', async () => {
    network = open();
    assert.deepEqual(
      network.ports.map(({ name, mtu, up, address: own }) => ({ name, mtu, up, own })),
      [
        { name: 'ext0', mtu: 1500, up: true, own: address('10.1.0.1') },
        { name: 'int0', mtu: 1500, up: true, own: address('10.2.0.1') },
      ],
    );
    assert.equal(
      Buffer.from(network.ports[1].mac).toString('hex'),
      await macOf(lab.director, 'int0'),
    );
    assert.equal(network.portOf(network.ports[1].ifindex), 1);
  });

  it('takes the named interfaces, and knows routes out of others without a port', () => {
    network = open({ interfaces: ['int0'] });
    assert.deepEqual(
      network.ports.map(({ name }) => name),
      ['int0'],
    );
    assert.notEqual(network.routes.lookup(SERVER), NO_HOP);
    assert.equal(network.routes.lookup(address('10.1.0.2')), NO_HOP);
    assert.throws(() => open({ interfaces: ['eth9'] }), /no interface "eth9" .*ext0, int0/);
  });

  it('knows what is local and what is reached where', () => {
    network = open();
    const { routes } = network;
    assert.ok(routes.isLocal(VIP));
    assert.ok(routes.isLocal(address('127.0.0.1')));
    assert.ok(!routes.isLocal(SERVER));
    const hop = routes.lookup(SERVER);
    assert.deepEqual(
      [routes.portOf(hop), routes.addressOf(hop), routes.mtuOf(hop)],
      [1, SERVER, 1500],
    );
    assert.equal(routes.lookup(address('192.0.2.1')), NO_HOP);
  });

  it('has the kernel ask for a next hop', async () => {
    network = open();
    const hop = network.routes.lookup(SERVER);
    assert.ok(!network.routes.isResolved(hop));
    const resolved = once(events, 'resolved');
    network.resolve(hop);
    assert.deepEqual(await resolved, [hop]);
    assert.deepEqual(macsOf(hop), {
      to: await macOf(lab.server, 'lan0'),
      from: await macOf(lab.director, 'int0'),
    });
  });

  it('says when nobody answers', async () => {
    network = open();
    const hop = network.routes.lookup(address('10.2.0.99'));
    const lost = once(events, 'lost');
    network.resolve(hop);
    assert.deepEqual(await lost, [hop]);
    assert.ok(!network.routes.isResolved(hop));
  });

  it('keeps a next hop in use fresh, with no frame of the kernel', async () => {
    network = open();
    const hop = network.routes.lookup(SERVER);
    const known = once(events, 'resolved');
    await ip(lab.director, 'neigh replace 10.2.0.11 dev int0 nud stale lladdr 02:00:00:00:99:99');
    await known;
    assert.equal(macsOf(hop).to, '020000009999');
    // Nobody has this MAC address any more: confirmation fails, and the server is asked for anew.
    await once(events, 'lost');
    const resolved = once(events, 'resolved');
    network.resolve(hop);
    await resolved;
    assert.equal(macsOf(hop).to, await macOf(lab.server, 'lan0'));
  });

  it('leaves a next hop that is not in use to the kernel', async () => {
    await ip(lab.director, 'neigh replace 10.2.0.11 dev int0 nud stale lladdr 02:00:00:00:99:99');
    network = open();
    assert.ok(network.routes.isResolved(network.routes.lookup(SERVER)));
    // A second one, in use, has been confirmed while the first one was left as it was.
    const other = network.routes.lookup(address('10.1.0.2'));
    const known = once(events, 'resolved');
    await ip(lab.director, 'neigh replace 10.1.0.2 dev ext0 nud stale lladdr 02:00:00:00:99:98');
    await known;
    macsOf(other);
    await eventually(
      () => lab.director.output('ip', ['neigh', 'show', '10.1.0.2']),
      (text) => !text.includes('STALE'),
    );
    assert.match(await lab.director.output('ip', ['neigh', 'show', '10.2.0.11']), /STALE/);
  });

  it('notices a replaced server when it makes itself known', async () => {
    await lab.server.output('ping', ['-c', '1', '10.2.0.1']);
    network = open();
    const hop = network.routes.lookup(SERVER);
    const moved = change(/moved/);
    await ip(lab.server, 'link set lan0 address 02:aa:bb:cc:dd:ee', 'neigh flush all');
    // Linux takes no second change of a neighbour within a second, so it may need to hear of it twice.
    const introduce = setInterval(() => {
      execFileSync('ip', ['-n', lab.server.namespace, 'neigh', 'flush', 'all']);
      const ping = ['ping', '-c', '1', '-W', '1', '10.2.0.1'];
      spawnSync('ip', ['netns', 'exec', lab.server.namespace, ...ping]);
    }, 100);
    try {
      assert.match(await moved, /10\.2\.0\.11 on int0 has moved to 02:aa:bb:cc:dd:ee/);
    } finally {
      clearInterval(introduce);
    }
    assert.equal(macsOf(hop).to, '02aabbccddee');
  });

  it('follows addresses', async () => {
    network = open();
    const added = address('10.1.0.101');
    assert.ok(!network.routes.isLocal(added));
    const adding = ip(lab.director, 'addr add 10.1.0.101/32 dev ext0');
    await Promise.all([change(/addresses added: 10\.1\.0\.101 dev ext0$/), adding]);
    assert.ok(network.routes.isLocal(added));
    const removing = ip(lab.director, 'addr del 10.1.0.101/32 dev ext0');
    await Promise.all([change(/addresses removed: 10\.1\.0\.101 dev ext0$/), removing]);
    assert.ok(!network.routes.isLocal(added));
  });

  it('follows routes, and has hops looked up anew', async () => {
    network = open();
    const { generation } = network.routes;
    const far = address('192.0.2.1');
    const adding = ip(lab.director, 'route add 192.0.2.0/24 via 10.2.0.11 mtu 1400');
    await Promise.all([change(/routes/), adding]);
    const hop = network.routes.lookup(far);
    assert.equal(network.routes.addressOf(hop), SERVER);
    assert.equal(network.routes.mtuOf(hop), 1400);
    assert.notEqual(network.routes.generation, generation);
    await Promise.all([change(/routes/), ip(lab.director, 'route del 192.0.2.0/24')]);
    assert.equal(network.routes.lookup(far), NO_HOP);
  });

  it('follows links: MTU, down, up', async () => {
    network = open();
    await Promise.all([change(/int0: MTU 9000/), ip(lab.director, 'link set int0 mtu 9000')]);
    assert.equal(network.routes.mtuOf(network.routes.lookup(SERVER)), 9000);
    await Promise.all([change(/int0: .*down/), ip(lab.director, 'link set int0 mtu 1500 down')]);
    assert.equal(network.routes.lookup(SERVER), NO_HOP);
    await Promise.all([change(/int0: up/), ip(lab.director, 'link set int0 up')]);
    assert.notEqual(network.routes.lookup(SERVER), NO_HOP);
  });

  it('takes up an interface that was removed and made anew', async () => {
    await ip(
      lab.director,
      'link add new0 type veth peer name new1',
      'addr add 10.9.0.1/24 dev new0',
    );
    await ip(lab.director, 'link set new1 up', 'link set new0 up');
    network = open({ interfaces: ['ext0', 'new0'] });
    const [, before] = network.ports.map(({ ifindex }) => ifindex);
    await Promise.all([change(/new0: gone/), ip(lab.director, 'link del new0')]);
    assert.ok(!network.ports[1].up);
    assert.equal(network.routes.lookup(address('10.9.0.2')), NO_HOP);
    const making = ip(lab.director, 'link add new0 type veth peer name new1');
    await Promise.all([change(/new0: made anew/), making]);
    assert.notEqual(network.ports[1].ifindex, before);
    const using = ip(
      lab.director,
      'addr add 10.9.0.1/24 dev new0',
      'link set new1 up',
      'link set new0 up',
    );
    await Promise.all([change(/new0: up/), using]);
    await eventually(
      () => Promise.resolve(network.routes.lookup(address('10.9.0.2'))),
      (hop) => hop !== NO_HOP,
    );
    assert.equal(network.routes.portOf(network.routes.lookup(address('10.9.0.2'))), 1);
    await ip(lab.director, 'link del new0');
  });

  it('notices an interface that is made anew with the same index before anybody looks', async () => {
    await ip(lab.director, 'link add new0 index 77 type veth peer name new1');
    network = open({ interfaces: ['new0'] });
    const changes: string[] = [];
    events.on('change', (description: string) => changes.push(description));
    const again = ['link del new0', 'link add new0 index 77 type veth peer name new1'];
    execFileSync('ip', ['-n', lab.director.namespace, '-batch', '-'], { input: again.join('\n') });
    await change(/new0: made anew/);
    assert.equal(changes[0], 'interface new0: gone');
    assert.equal(network.ports[0].ifindex, 77);
    await ip(lab.director, 'link del new0');
  });

  it('says once of an interface that it was not told to use', async () => {
    network = open({ known: [{ name: 'ext0', ifindex: 0 }], expectsAll: true });
    const changes: string[] = [];
    events.on('change', (description: string) => changes.push(description));
    await Promise.all([change(/int0/), ip(lab.director, 'addr add 10.9.0.1/24 dev int0')]);
    await Promise.all([change(/removed/), ip(lab.director, 'addr del 10.9.0.1/24 dev int0')]);
    const told = changes.filter((description) => description.startsWith('interface int0'));
    assert.deepEqual(told, ['interface int0: not among those in use; "uvs upgrade" takes it in']);
  });

  it('reads everything anew where notifications were lost', async () => {
    network = open();
    const last = network.routes.lookup(address('10.2.0.250'));
    const resolved = once(events, 'resolved');
    // More than a socket's buffer holds, while this thread is busy; the last one matters.
    const fresh = (i: number): string =>
      `neigh replace 10.2.0.${i % 2 === 0 ? 201 : 202} dev int0 nud permanent lladdr ${mac(i)}`;
    const commands = Array.from({ length: 30_000 }, (_, i) => fresh(i));
    commands.push('neigh replace 10.2.0.250 dev int0 nud permanent lladdr 02:00:00:00:00:fa');
    execFileSync('ip', ['-n', lab.director.namespace, '-batch', '-'], {
      input: commands.join('\n'),
    });
    await resolved;
    assert.equal(macsOf(last).to, '0200000000fa');
    // What comes after the loss is heard again, and what came before it isn't taken for news.
    const next = network.routes.lookup(address('10.2.0.251'));
    const heard = once(events, 'resolved');
    await ip(
      lab.director,
      'neigh replace 10.2.0.251 dev int0 nud permanent lladdr 02:00:00:00:00:fb',
    );
    assert.deepEqual(await heard, [next]);
    const moved = network.routes.lookup(address('10.2.0.202'));
    assert.equal(macsOf(moved).to, mac(29_999).replaceAll(':', ''));
  });
});

function mac(i: number): string {
  const high = (i >> 8).toString(16).padStart(2, '0');
  const low = (i & 0xff).toString(16).padStart(2, '0');
  return `02:00:00:01:${high}:${low}`;
}
