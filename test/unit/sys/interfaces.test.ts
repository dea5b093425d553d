import assert from 'node:assert/strict';
import { chooseInterfaces, followInterfaces } from '../../../dataplane/sys/interfaces.js';
import type { Link } from '../../../dataplane/sys/rtnetlink.js';

function link(ifindex: number, name: string, more: Partial<Link> = {}): Link {
  const mac = Uint8Array.of(2, 0, 0, 0, 0, ifindex);
  const state = { mtu: 1500, up: true, running: true, loopback: false, ethernet: true, kind: '' };
  return { ifindex, name, mac, ...state, ...more };
}

const LINKS = [
  link(1, 'lo', { loopback: true, ethernet: false, mac: new Uint8Array(0) }),
  link(2, 'eth0'),
  link(3, 'eth1', { up: false }),
  link(4, 'port0'),
  link(5, 'wg0', { ethernet: false, mac: new Uint8Array(0) }),
];

/** The names that these interfaces have now. */
function names(...known: [string, number][]): (string | undefined)[] {
  const ports = known.map(([name, ifindex]) => ({ name, ifindex }));
  return followInterfaces(ports, LINKS).map((found) => found?.name);
}

describe('choice of interfaces', () => {
  it('takes all Ethernet ones with addresses or routes by default', () => {
    const chosen = chooseInterfaces(LINKS, [], new Set([1, 2, 3, 5]));
    assert.deepEqual(
      chosen.map(({ name }) => name),
      ['eth0', 'eth1'],
    );
  });

  it('takes the named ones in that order, each once', () => {
    const chosen = chooseInterfaces(LINKS, ['port0', 'eth0', 'port0'], new Set());
    assert.deepEqual(
      chosen.map(({ name }) => name),
      ['port0', 'eth0'],
    );
  });

  it('says which ones there are when a name is wrong', () => {
    assert.throws(() => chooseInterfaces(LINKS, ['eth7'], new Set([2])), {
      message: 'there is no interface "eth7" (there are: lo, eth0, eth1, port0, wg0)',
    });
  });

  it('refuses what has no Ethernet frames', () => {
    for (const name of ['lo', 'wg0']) {
      assert.throws(() => chooseInterfaces(LINKS, [name], new Set()), /not an Ethernet interface/);
    }
  });

  it('says what to do when none is left', () => {
    assert.throws(() => chooseInterfaces(LINKS, [], new Set([1])), /ip address add/);
  });
});

describe('what has become of interfaces', () => {
  it('is the same device, also under another name', () => {
    assert.deepEqual(names(['eth0', 2], ['old', 3]), ['eth0', 'eth1']);
    assert.deepEqual(names(['eth1', 2], ['eth0', 3]), ['eth0', 'eth1'], 'names exchanged');
  });

  it('is a device of the same name where the old one is gone', () => {
    assert.deepEqual(names(['eth0', 77], ['gone', 78], ['port0', 0]), ['eth0', undefined, 'port0']);
  });

  it('is no device that another one has become, and none that has no Ethernet frames', () => {
    assert.deepEqual(names(['eth0', 77], ['eth1', 2]), [undefined, 'eth0']);
    assert.deepEqual(names(['wg0', 77]), [undefined]);
  });
});
