import assert from 'node:assert/strict';
import { ipv4, serviceWith, type FakeService } from './fake-destinations.js';

const TICKS_PER_SECOND = 100;
const DAY_TICKS = 86_400 * TICKS_PER_SECOND;
const OTHER_VIP = ipv4('10.1.0.101');

/** Ticks the scheduler once a second from `start` for some seconds and returns the time then. */
function pass(service: FakeService, start: number, seconds: number): number {
  for (let second = 1; second <= seconds; second++) {
    service.tick((start + second * TICKS_PER_SECOND) | 0);
  }
  return (start + seconds * TICKS_PER_SECOND) | 0;
}

describe('lblc', () => {
  it('keeps an address with its server until that is overloaded beside an idler one', () => {
    const service = serviceWith('lblc', 'A:4', 'B:3');
    // B takes 4, one more than its weight; A is idle then. A is left when it has 5: B with 4 isn't idle.
    assert.equal(service.connect(4), 'BBBB');
    assert.equal(service.connect(6), 'AAAAAA');
  });

  it('leaves a quiesced or deleted server', () => {
    const service = serviceWith('lblc', 'A:9', 'B:9');
    assert.equal(service.pick(), 'B');
    service.setWeight('B', 0);
    assert.equal(service.pick(), 'A');
    service.setWeight('B', 9);
    assert.equal(service.pick(), 'A');
    service.remove('A');
    assert.equal(service.pick(), 'B');
  });

  it('stays with a server over its upper threshold, but chooses none anew', () => {
    const service = serviceWith('lblc', 'A:9', 'B:9');
    assert.equal(service.pick(), 'B');
    service.row('B').overloaded = true;
    assert.equal(service.pick(), 'B');
    assert.equal(service.pick('10.0.0.1', 0, OTHER_VIP), 'A');
  });

  it('holds the cached server, once, and releases it when it goes', () => {
    const service = serviceWith('lblc', 'A:9', 'B:9');
    service.picks(3);
    assert.equal(service.row('B').holds, 1);
    service.setWeight('B', 0);
    service.pick();
    assert.deepEqual([service.row('A').holds, service.row('B').holds], [1, 0]);
    service.unbind();
    assert.equal(service.row('A').holds, 0);
  });

  it('forgets an address that was not used for a day, looking every 30 minutes', () => {
    const service = serviceWith('lblc', 'A:9');
    service.pick('10.0.0.1', 0, OTHER_VIP, TICKS_PER_SECOND);
    const almost = pass(service, 0, 86_400 + 1800 - 1);
    assert.equal(service.row('A').holds, 1);
    pass(service, almost, 1);
    assert.equal(service.row('A').holds, 0);
  });

  it('forgets nothing that is used', () => {
    const service = serviceWith('lblc', 'A:9');
    let now = 0;
    for (let hour = 0; hour < 50; hour++) {
      service.pick('10.0.0.1', 0, OTHER_VIP, now);
      now = pass(service, now, 3600);
    }
    assert.equal(service.row('A').holds, 1);
  });

  it('thins out a crowd of idle addresses after six minutes', () => {
    const service = serviceWith('lblc', 'A:9');
    for (let vip = 0; vip < 16_384 + 3000; vip++) service.pick('10.0.0.1', 0, vip, 0);
    pass(service, 0, 359);
    assert.equal(service.row('A').holds, 19_384);
    pass(service, 35_900, 61);
    assert.equal(service.row('A').holds, 19_384 - 4000);
  });

  it('serves more addresses than it can remember', () => {
    const service = serviceWith('lblc', 'A:9');
    for (let vip = 0; vip < 70_000; vip++) {
      assert.equal(service.pick('10.0.0.1', 0, vip, 0), 'A');
    }
    assert.equal(service.row('A').holds, 65_536);
  });

  it('picks nobody without a server', () => {
    assert.equal(serviceWith('lblc', 'A:0').pick(), '-');
  });
});

describe('lblcr', () => {
  it('adds a server when the least loaded of the set is overloaded beside an idler one', () => {
    const service = serviceWith('lblcr', 'A:2', 'B:2');
    assert.equal(service.connect(3), 'BBB');
    assert.equal(service.connect(1), 'A');
    assert.deepEqual([service.row('A').holds, service.row('B').holds], [1, 1]);
    // Both are in the set now, and the least loaded of them is taken.
    assert.equal(service.connect(3), 'AAA');
  });

  it('chooses among the members that can take a connection', () => {
    const service = serviceWith('lblcr', 'A:2', 'B:2');
    service.connect(4);
    service.row('A').overloaded = true;
    assert.equal(service.pick(), 'B');
    service.row('A').overloaded = false;
    service.remove('B');
    assert.equal(service.pick(), 'A');
  });

  it('lets the most loaded member go when the set has not changed for a day', () => {
    const service = serviceWith('lblcr', 'A:2', 'B:2');
    service.connect(4);
    for (let hour = 0; hour < 24; hour++) service.pick('10.0.0.1', 0, undefined, hour * 360_000);
    service.pick('10.0.0.1', 0, undefined, DAY_TICKS);
    assert.equal(service.row('B').holds, 1);
    service.pick('10.0.0.1', 0, undefined, DAY_TICKS + 1);
    assert.deepEqual([service.row('A').holds, service.row('B').holds], [1, 0]);
  });

  it('goes by the clock when the tick counter wraps', () => {
    const service = serviceWith('lblcr', 'A:2', 'B:2');
    const nearWrap = 0x7fffffff - 1000;
    for (let i = 0; i < 4; i++) {
      service.row(service.pick('10.0.0.1', 0, undefined, nearWrap)).active += 1;
    }
    service.pick('10.0.0.1', 0, undefined, (nearWrap + 2000) | 0);
    assert.equal(service.row('B').holds, 1);
    service.pick('10.0.0.1', 0, undefined, (nearWrap + DAY_TICKS + 1) | 0);
    assert.equal(service.row('B').holds, 0);
  });

  it('releases all when it is unbound', () => {
    const service = serviceWith('lblcr', 'A:2', 'B:2');
    service.connect(4);
    service.unbind();
    assert.deepEqual([service.row('A').holds, service.row('B').holds], [0, 0]);
  });
});
