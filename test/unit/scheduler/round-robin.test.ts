import assert from 'node:assert/strict';
import { FakeService, serviceWith } from './fake-destinations.js';

describe('rr', () => {
  it('begins with the destination added last and goes backwards', () => {
    assert.equal(serviceWith('rr', 'A:1', 'B:1', 'C:1').picks(7), 'CBACBAC');
  });

  it('ignores weights other than 0', () => {
    assert.equal(serviceWith('rr', 'A:9', 'B:0', 'C:1').picks(4), 'CACA');
  });

  it('passes over an overloaded destination', () => {
    const service = serviceWith('rr', 'A:1', 'B:1', 'C:1');
    service.row('B').overloaded = true;
    assert.equal(service.picks(4), 'CACA');
  });

  it('picks nobody when all are quiesced, and goes on where it was', () => {
    const service = serviceWith('rr', 'A:1', 'B:1');
    assert.equal(service.pick(), 'B');
    service.setWeight('A', 0);
    service.setWeight('B', 0);
    assert.equal(service.pick(), '-');
    service.setWeight('A', 1);
    service.setWeight('B', 1);
    assert.equal(service.picks(2), 'AB');
  });

  it('picks the same destination again if it is the only one', () => {
    assert.equal(serviceWith('rr', 'A:1').picks(3), 'AAA');
  });

  it('picks nobody without destinations', () => {
    assert.equal(new FakeService('rr').pick(), '-');
  });

  it('does not move the pointer when a destination is added', () => {
    const service = serviceWith('rr', 'A:1', 'B:1', 'C:1');
    assert.equal(service.pick(), 'C');
    service.add('D:1');
    assert.equal(service.picks(4), 'BADC');
  });

  for (const [picked, removed, then] of [
    [1, 'C', 'BAB'],
    [2, 'B', 'ACA'],
    [3, 'A', 'CBC'],
    [1, 'B', 'ACA'],
  ] as const) {
    it(`after ${picked} of C B A, goes on behind the removed ${removed}`, () => {
      const service = serviceWith('rr', 'A:1', 'B:1', 'C:1');
      service.picks(picked);
      service.remove(removed);
      assert.equal(service.picks(3), then);
    });
  }

  it('survives the removal of its only destination', () => {
    const service = serviceWith('rr', 'A:1');
    service.pick();
    service.remove('A');
    assert.equal(service.pick(), '-');
    service.add('B:1');
    assert.equal(service.pick(), 'B');
  });

  it('goes on where it was after a restart', () => {
    const service = serviceWith('rr', 'A:1', 'B:1', 'C:1');
    service.picks(2);
    service.restart();
    assert.equal(service.pick(), 'A');
  });
});

describe('wrr', () => {
  for (const [destinations, sequence] of [
    ['A:3 B:2 C:1', 'CBAABACBAABA'],
    ['A:1 B:2 C:3', 'CBACCBCBACCB'],
    ['A:1 B:1 C:1', 'CBACBA'],
    ['A:30 B:20', 'BAABABAABA'],
    ['A:100 B:50 C:50', 'CBAACBAA'],
  ]) {
    it(`with ${destinations} picks ${sequence}`, () => {
      const service = serviceWith('wrr', ...destinations.split(' '));
      assert.equal(service.picks(sequence.length), sequence);
    });
  }

  it('starts its walk anew when a weight changes, at the level it had', () => {
    const service = serviceWith('wrr', 'A:3', 'B:2', 'C:1');
    assert.equal(service.picks(4), 'CBAA');
    service.setWeight('B', 0);
    assert.equal(service.picks(8), 'AACAAACA');
  });

  it('picks nobody when all weights are 0', () => {
    assert.equal(serviceWith('wrr', 'A:0', 'B:0').pick(), '-');
  });

  it('picks nobody when all are overloaded, however often it is asked', () => {
    const service = serviceWith('wrr', 'A:3', 'B:2');
    for (let asked = 0; asked < 5; asked++) {
      service.row('A').overloaded = true;
      service.row('B').overloaded = true;
      assert.equal(service.picks(4), '----');
      service.row('A').overloaded = false;
      assert.equal(service.pick(), 'A');
    }
  });

  for (const [destinations, before, after] of [
    ['A:3 B:2', 'B', 'AABA'], // the search ended at B again, on the lowest level
    ['A:2 B:3', 'BAB', 'BBA'], // the search ended below the lowest level
  ]) {
    it(`goes on with ${after} after ${before} and a search in vain among ${destinations}`, () => {
      const service = serviceWith('wrr', ...destinations.split(' '));
      assert.equal(service.picks(before.length), before);
      for (const row of service.rows) row.overloaded = true;
      assert.equal(service.pick(), '-');
      for (const row of service.rows) row.overloaded = false;
      assert.equal(service.picks(after.length), after);
    });
  }

  it('finds a light destination below a heavy overloaded one at once', () => {
    const service = serviceWith('wrr', 'A:1', 'B:2147483647');
    service.row('B').overloaded = true;
    assert.equal(service.picks(3), 'AAA');
    service.row('A').overloaded = true;
    assert.equal(service.pick(), '-');
  });

  it('gives the shares of the weights that are left after a removal', () => {
    const service = serviceWith('wrr', 'A:3', 'B:2', 'C:1');
    service.picks(4);
    service.remove('A');
    assert.equal(service.picks(30).split('B').length - 1, 20);
  });

  it('goes on where it was after a restart', () => {
    const service = serviceWith('wrr', 'A:3', 'B:2', 'C:1');
    assert.equal(service.picks(4), 'CBAA');
    service.restart();
    assert.equal(service.picks(8), 'BACBAABA');
  });
});
