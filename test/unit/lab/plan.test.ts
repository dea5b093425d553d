import assert from 'node:assert/strict';
import { drawNatPlan } from '../../../lab/drawing.js';
import { natPlan } from '../../../lab/plan.js';

describe('the NAT plan', () => {
  it('is the classic case: VIP outside, servers inside with the director as their gateway', () => {
    const plan = natPlan();
    const names = plan.hosts.map((host) => host.name);
    assert.deepEqual(names, ['client', 'director', 'server1', 'server2', 'server3']);
    const director = plan.hosts[1];
    assert.deepEqual(director.interfaces, [
      { name: 'ext0', network: 'outside', addresses: ['10.1.0.1/24', '10.1.0.100/32'] },
      { name: 'int0', network: 'inside', addresses: ['10.2.0.1/24'] },
    ]);
    assert.equal(director.settings['ipv4.ip_forward'], '1');
    assert.equal(plan.hosts[4].gateway, '10.2.0.1');
  });

  it('numbers several clients and keeps addresses apart', () => {
    const plan = natPlan({ clients: 90, servers: 200 });
    const addresses = plan.hosts.flatMap((host) =>
      host.interfaces.flatMap((link) => link.addresses.map((address) => address.split('/')[0])),
    );
    assert.equal(new Set(addresses).size, 90 + 200 + 3);
    assert.equal(plan.hosts[0].name, 'client1');
  });

  it('refuses numbers of hosts that its networks have no room for', () => {
    for (const options of [{ servers: 0 }, { servers: 201 }, { clients: 91 }, { servers: 1.5 }]) {
      assert.throws(() => natPlan(options), /must be 1 to \d+/);
    }
  });
});

describe('the drawing of a NAT plan', () => {
  it('joins one client and three servers to the director', () => {
    const lines = drawNatPlan(natPlan()).split('\n');
    assert.deepEqual(lines, [
      '               10.1.0.0/24                    10.2.0.0/24',
      '                                director         ┌── server1 10.2.0.11',
      '  client 10.1.0.2    ──── 10.1.0.1     10.2.0.1 ─┼── server2 10.2.0.12',
      '                          VIP 10.1.0.100         └── server3 10.2.0.13',
    ]);
  });

  it('draws one server as a straight line and an even number without loose ends', () => {
    assert.match(drawNatPlan(natPlan({ servers: 1 })), /10\.2\.0\.1 ──── server1/);
    const two = drawNatPlan(natPlan({ clients: 2, servers: 2 }));
    assert.match(two, /client1 10\.1\.0\.2 {3}──┐ /);
    assert.match(two, /client2 10\.1\.0\.3 {3}──┴─ .*─┴── server2/);
  });

  it('shows every host, in at most 80 columns', () => {
    const lines = drawNatPlan(natPlan({ clients: 5, servers: 12 })).split('\n');
    const text = lines.join('\n');
    for (let n = 1; n <= 12; n++) assert.ok(text.includes(`server${n} 10.2.0.${n + 10}`));
    for (let n = 1; n <= 5; n++) assert.ok(text.includes(`client${n} 10.1.0.${n + 1}`));
    assert.ok(Math.max(...lines.map((line) => line.length)) <= 80);
  });
});
