import assert from 'node:assert/strict';
import { NO_HOP, Routes } from '../../../dataplane/route/routes.js';
import { SysError } from '../../../dataplane/sys/errors.js';
import { NeighbourWatch } from '../../../dataplane/sys/neighbours.js';
import {
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_REACHABLE,
  NUD_STALE,
  type Neighbour,
} from '../../../dataplane/sys/rtnetlink.js';
import { address } from '../../support/frames.js';

const IFINDEX = 42;
const SERVER = address('10.2.0.11');
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

function neighbour(state: number, mac: Uint8Array | null, of = SERVER): Neighbour {
  return { ifindex: IFINDEX, address: of, mac, state };
}

describe('neighbours', () => {
  let routes: Routes;
  let watch: NeighbourWatch;
  let listed: Neighbour[];
  let used: number[];
  let events: string[];
  let hop: number;

  beforeEach(() => {
    routes = new Routes();
    routes.setPort(0, { name: 'd1', mac: new Uint8Array(6), mtu: 1500, up: true });
    const subnet = { address: address('10.2.0.0'), prefixLength: 24, gateway: 0 };
    routes.setRoutes([{ kind: 'unicast', ...subnet, port: 0, mtu: 0, metric: 0 }]);
    listed = [];
    used = [];
    events = [];
    const table = {
      list: () => listed,
      use: (ifindex: number, of: number) => {
        assert.equal(ifindex, IFINDEX);
        used.push(of);
      },
      portOf: (ifindex: number) => (ifindex === IFINDEX ? 0 : -1),
      ifindexOf: () => IFINDEX,
    };
    watch = new NeighbourWatch(routes, table, {
      onHop: (of, resolved) => events.push(`hop ${of} ${resolved ? 'resolved' : 'lost'}`),
      onMoved: (port, of, mac) => events.push(`${of} on ${port} moved to ${mac.join('.')}`),
    });
    hop = routes.lookup(SERVER);
  });

  function macOfHop(): Uint8Array {
    const macs = new Uint8Array(12);
    routes.writeMacs(hop, macs, 0);
    return macs.subarray(0, 6);
  }

  it('resolve their hops when they become known, once', () => {
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.changed(neighbour(NUD_STALE, MAC));
    assert.deepEqual(events, [`hop ${hop} resolved`]);
    assert.deepEqual(macOfHop(), MAC);
  });

  it('known before there is a hop serve it at once', () => {
    const other = address('10.2.0.12');
    watch.changed(neighbour(NUD_STALE, MAC, other));
    assert.ok(routes.isResolved(routes.lookup(other)));
  });

  it('on interfaces that are none of ours are passed over', () => {
    watch.changed({ ...neighbour(NUD_REACHABLE, MAC), ifindex: 7 });
    assert.ok(!routes.isResolved(hop));
  });

  it('that move change the hop in place, and say so', () => {
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.changed(neighbour(NUD_REACHABLE, OTHER_MAC));
    assert.deepEqual(macOfHop(), OTHER_MAC);
    assert.deepEqual(events.slice(1), [`${SERVER} on 0 moved to 2.0.0.0.0.2`]);
  });

  it('that move say so as well where the kernel had thrown them away meanwhile', () => {
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.removed(neighbour(NUD_REACHABLE, MAC));
    watch.changed(neighbour(NUD_REACHABLE, OTHER_MAC));
    assert.deepEqual(events.slice(1), [`${SERVER} on 0 moved to 2.0.0.0.0.2`]);
  });

  it('that fail are forgotten', () => {
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.changed(neighbour(NUD_FAILED, null));
    assert.ok(!routes.isResolved(hop));
    assert.deepEqual(events.slice(1), [`hop ${hop} lost`]);
  });

  it('that were never found out say so each time the kernel gives up', () => {
    watch.changed(neighbour(NUD_FAILED, null));
    watch.changed(neighbour(NUD_INCOMPLETE, null));
    watch.changed(neighbour(NUD_FAILED, null));
    assert.deepEqual(events, [`hop ${hop} lost`, `hop ${hop} lost`]);
  });

  it('thrown away by the kernel while fine stay in use, also while it asks anew', () => {
    watch.changed(neighbour(NUD_STALE, MAC));
    watch.removed(neighbour(NUD_STALE, MAC));
    watch.changed(neighbour(NUD_INCOMPLETE, null));
    assert.deepEqual(macOfHop(), MAC);
    watch.changed(neighbour(NUD_FAILED, null));
    assert.ok(!routes.isResolved(hop));
  });

  it('thrown away without a hop are forgotten', () => {
    const other = address('10.2.0.12');
    watch.changed(neighbour(NUD_STALE, MAC, other));
    watch.removed(neighbour(NUD_STALE, MAC, other));
    assert.ok(!routes.isResolved(routes.lookup(other)));
  });

  it('removed after they failed are forgotten', () => {
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.removed(neighbour(NUD_FAILED, null));
    assert.ok(!routes.isResolved(hop));
  });

  it('are read anew as a whole: new, moved and gone ones', () => {
    const gone = address('10.2.0.13');
    watch.changed(neighbour(NUD_REACHABLE, MAC));
    watch.changed(neighbour(NUD_REACHABLE, MAC, gone));
    listed = [neighbour(NUD_REACHABLE, OTHER_MAC), neighbour(NUD_STALE, MAC, address('10.2.0.14'))];
    watch.resync();
    assert.deepEqual(macOfHop(), OTHER_MAC);
    assert.ok(!routes.isResolved(routes.lookup(gone)));
    assert.ok(routes.isResolved(routes.lookup(address('10.2.0.14'))));
  });

  it('hear from us where the kernel has forgotten them, also while it asks in vain', () => {
    const [forgotten, asked] = [address('10.2.0.12'), address('10.2.0.13')];
    for (const of of [SERVER, forgotten, asked]) {
      routes.lookup(of);
      watch.changed(neighbour(NUD_REACHABLE, MAC, of));
    }
    for (const of of [forgotten, asked]) watch.removed(neighbour(NUD_REACHABLE, MAC, of));
    watch.changed(neighbour(NUD_INCOMPLETE, null, asked));
    watch.introduce(0);
    assert.deepEqual(used, [forgotten, asked]);
  });

  describe('in use', () => {
    it('are confirmed when stale or thrown away, not when fresh', () => {
      for (const [state, expected] of [
        [NUD_REACHABLE, []],
        [NUD_STALE, [SERVER]],
      ] as const) {
        watch.changed(neighbour(state, MAC));
        macOfHop();
        used = [];
        watch.refresh();
        assert.deepEqual(used, expected);
      }
      watch.removed(neighbour(NUD_STALE, MAC));
      macOfHop();
      used = [];
      watch.refresh();
      assert.deepEqual(used, [SERVER]);
    });

    it('are confirmed once per use; unused ones are not', () => {
      watch.changed(neighbour(NUD_STALE, MAC));
      watch.refresh();
      assert.deepEqual(used, []);
      macOfHop();
      watch.refresh();
      watch.refresh();
      assert.deepEqual(used, [SERVER]);
    });

    it('may be refused by the kernel without harm', () => {
      const refusing = new NeighbourWatch(
        routes,
        {
          list: () => [],
          use: () => {
            throw new SysError('asking for a neighbour', 105);
          },
          portOf: () => 0,
          ifindexOf: () => IFINDEX,
        },
        { onHop: () => {}, onMoved: () => {} },
      );
      assert.notEqual(hop, NO_HOP);
      refusing.use(hop);
    });
  });
});
