import assert from 'node:assert/strict';
import type { Counters } from '../../../src/control/api.js';
import { OverloadWatch, type Notice } from '../../../src/director/overload.js';

const NOTHING = { used: 0, capacity: 0 };
const SECOND = 1000;

function counters(changes: {
  used?: number;
  tableFull?: number;
  ringDrops?: number;
  defences?: string[];
}): Counters {
  const { used = 0, tableFull = 0, ringDrops = 0, defences = [] } = changes;
  return {
    drops: { table_full: tableFull, drop_first_syn: 9 },
    connections: { used, capacity: 100, halfOpen: 5 },
    services: NOTHING,
    destinations: NOTHING,
    parkedFrames: NOTHING,
    fragmentedPackets: NOTHING,
    fastPath: null,
    defences,
    interfaces: [
      {
        name: 'eth0',
        receivedFrames: 0,
        sentFrames: 0,
        handedBackFrames: 0,
        ringDrops,
        synDrops: 0,
        sendCalls: 0,
        backPressure: 0,
        sendErrors: 0,
      },
    ],
  };
}

const words = (notices: Notice[]) => notices.map(({ kind, what }) => `${what} ${kind}`);

describe('the watch for overload', () => {
  let watch: OverloadWatch;
  beforeEach(() => {
    watch = new OverloadWatch(30 * SECOND);
    assert.deepEqual(watch.look(counters({}), 0), []);
  });

  it('says once that the table is nearly full, and once that it is no longer', () => {
    const [notice] = watch.look(counters({ used: 90 }), SECOND);
    assert.deepEqual(notice, {
      kind: 'begins',
      what: 'the connection table is nearly full',
      fields: { used: 90, capacity: 100 },
    });
    assert.deepEqual(watch.look(counters({ used: 95 }), 2 * SECOND), []);
    assert.deepEqual(watch.look(counters({ used: 10 }), 31 * SECOND), []);
    assert.deepEqual(words(watch.look(counters({ used: 10 }), 32 * SECOND)), [
      'the connection table is nearly full ends',
    ]);
    assert.deepEqual(watch.look(counters({ used: 10 }), 99 * SECOND), []);
  });

  it('says nothing more while it comes and goes', () => {
    assert.equal(watch.look(counters({ used: 90 }), SECOND).length, 1);
    for (let second = 2; second < 200; second++) {
      assert.deepEqual(
        watch.look(counters({ used: second % 20 === 0 ? 91 : 0 }), second * SECOND),
        [],
      );
    }
  });

  it('takes counters that grow for going on', () => {
    assert.deepEqual(words(watch.look(counters({ ringDrops: 4, tableFull: 1 }), SECOND)), [
      'new connections are refused, the table is full begins',
      'packets are lost, the receive rings are full begins',
    ]);
    assert.deepEqual(watch.look(counters({ ringDrops: 9, tableFull: 1 }), 20 * SECOND), []);
    assert.deepEqual(words(watch.look(counters({ ringDrops: 9, tableFull: 1 }), 31 * SECOND)), [
      'new connections are refused, the table is full ends',
    ]);
    assert.deepEqual(words(watch.look(counters({ ringDrops: 9, tableFull: 1 }), 50 * SECOND)), [
      'packets are lost, the receive rings are full ends',
    ]);
  });

  it('is not deceived by what was counted before, nor by counters that begin anew', () => {
    const late = new OverloadWatch();
    assert.deepEqual(late.look(counters({ ringDrops: 1000 }), 0), []);
    assert.deepEqual(late.look(counters({ ringDrops: 1000 }), SECOND), []);
    assert.deepEqual(late.look(counters({ ringDrops: 0 }), 2 * SECOND), []);
    assert.equal(late.look(counters({ ringDrops: 1 }), 3 * SECOND).length, 1);
  });

  it('tells of a flood of SYNs', () => {
    const [notice] = watch.look(counters({ defences: ['drop_first_syn'] }), SECOND);
    assert.deepEqual(notice, {
      kind: 'begins',
      what: 'SYNs flood in',
      fields: { halfOpen: 5, dropped: 9 },
    });
  });
});
