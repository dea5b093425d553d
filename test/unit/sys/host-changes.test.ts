import assert from 'node:assert/strict';
import type { Route } from '../../../dataplane/route/routes.js';
import { describeLink, describeRoutes } from '../../../dataplane/sys/host-changes.js';
import type { Link } from '../../../dataplane/sys/rtnetlink.js';
import { address } from '../../support/frames.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const STATE = { name: 'eth0', ifindex: 2, mac: MAC, mtu: 1500, up: true, running: true };

function link(changes: Partial<Link>): Link {
  return { ...STATE, loopback: false, ethernet: true, kind: '', ...changes };
}

function route(kind: Route['kind'], text: string, more: Partial<Route> = {}): Route {
  const [host, bits = '32'] = text.split('/');
  const rest = { gateway: 0, port: 0, mtu: 0, metric: 0, ...more };
  return { kind, address: address(host), prefixLength: Number(bits), ...rest };
}

function changes(before: Route[], after: Route[]) {
  return describeRoutes(before, after, (port) => `eth${port}`);
}

describe('changes of an interface', () => {
  const cases: [string, Partial<typeof STATE>, Partial<Link> | undefined, string][] = [
    ['nothing', {}, {}, ''],
    ['gone', {}, undefined, 'interface eth0: gone'],
    ['still gone', { ifindex: 0, up: false }, undefined, ''],
    ['gone while down', { up: false }, undefined, 'interface eth0: gone'],
    ['back', { ifindex: 0, up: false }, { ifindex: 3 }, 'interface eth0: made anew, up'],
    ['back with its index', { ifindex: 0 }, { ifindex: 2 }, 'interface eth0: made anew'],
    ['renamed', {}, { name: 'wan0' }, 'interface eth0: renamed to wan0'],
    ['MTU and down', {}, { mtu: 9000, up: false }, 'interface eth0: MTU 9000, down'],
    ['down, so no carrier', {}, { up: false, running: false }, 'interface eth0: down'],
    ['up', { up: false, running: false }, {}, 'interface eth0: up'],
    ['up, no cable', { up: false }, { running: false }, 'interface eth0: up, no carrier'],
    ['cable pulled', {}, { running: false }, 'interface eth0: carrier lost'],
    ['cable back', { running: false }, {}, 'interface eth0: carrier back'],
    [
      'another MAC address',
      {},
      { mac: Uint8Array.of(2, 0, 0, 0, 0, 0xfe) },
      'interface eth0: MAC 02:00:00:00:00:fe',
    ],
  ];
  for (const [name, before, after, expected] of cases) {
    it(`${name}: "${expected}"`, () => {
      const now = after === undefined ? undefined : link(after);
      assert.equal(describeLink({ ...STATE, ...before }, now), expected);
    });
  }
});

describe('changes of routes', () => {
  const local = route('local', '10.1.0.1');
  const subnet = route('unicast', '10.1.0.0/24');
  const gateway = { gateway: address('10.1.0.254') };

  it('name what was added and removed', () => {
    const before = [local, subnet, route('unicast', '0.0.0.0/0', gateway)];
    const after = [
      local,
      subnet,
      route('unicast', '0.0.0.0/0', { port: 1, gateway: address('10.2.0.254'), metric: 100 }),
      route('unreachable', '192.0.2.0/24', { port: -1 }),
      route('unicast', '198.51.100.0/24', { port: -1, mtu: 1400 }),
    ];
    assert.deepEqual(changes(before, after), {
      addresses: '',
      others:
        'routes added: default via 10.2.0.254 dev eth1 metric 100, unreachable 192.0.2.0/24, ' +
        '198.51.100.0/24 dev (not in use) mtu 1400; removed: default via 10.1.0.254 dev eth0',
    });
  });

  it('tell addresses apart, wherever they are, and pass broadcast addresses over', () => {
    const vip = route('local', '10.1.0.100');
    const after = [local, { ...vip, port: -1 }, route('broadcast', '10.1.0.255')];
    assert.deepEqual(changes([local, vip], after), {
      addresses: 'addresses added: 10.1.0.100; removed: 10.1.0.100 dev eth0',
      others: '',
    });
  });

  it('give the number of many', () => {
    const many = Array.from({ length: 5 }, (_, n) => route('unicast', `192.0.2.${n}/32`));
    assert.deepEqual(changes([], many), { addresses: '', others: 'routes added: 5' });
    assert.match(changes(many.slice(1), []).others, /^routes removed: 192\.0\.2\.1 dev eth0, /);
  });

  it('are none where only the order is another', () => {
    assert.deepEqual(changes([local, subnet], [subnet, local]), { addresses: '', others: '' });
  });
});
