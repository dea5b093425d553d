import assert from 'node:assert/strict';
import { productExceeds } from '../../../scheduler/load.js';
import { serviceWith } from './fake-destinations.js';

describe('lc', () => {
  it('takes the destination with the fewest connections, the one added last on a tie', () => {
    assert.equal(serviceWith('lc', 'A:5', 'B:1', 'C:1').connect(6), 'CBACBA');
  });

  it('counts an active connection as 256 inactive ones', () => {
    const service = serviceWith('lc', 'A:1', 'B:1');
    service.row('A').inactive = 255;
    service.row('B').active = 1;
    assert.equal(service.pick(), 'A');
    service.row('A').inactive = 257;
    assert.equal(service.pick(), 'B');
  });

  it('leaves out quiesced and overloaded destinations', () => {
    const service = serviceWith('lc', 'A:1', 'B:1', 'C:0');
    service.row('B').overloaded = true;
    assert.equal(service.connect(2), 'AA');
    service.row('A').overloaded = true;
    assert.equal(service.pick(), '-');
  });
});

describe('wlc', () => {
  it('gives the first connection to the destination added last, whatever the weights', () => {
    assert.equal(serviceWith('wlc', 'A:100', 'B:1').pick(), 'B');
  });

  it('shares active connections by weight', () => {
    const service = serviceWith('wlc', 'A:3', 'B:2', 'C:1');
    service.connect(600);
    assert.deepEqual(
      service.rows.map((row) => row.active),
      [300, 200, 100],
    );
  });

  it('compares exactly where products exceed 2^53', () => {
    const service = serviceWith('wlc', 'A:2147483647', 'B:2147483646');
    service.row('A').active = 8_000_000;
    service.row('B').active = 8_000_000;
    assert.equal(service.pick(), 'A');
  });

  it('leaves out quiesced and overloaded destinations', () => {
    const service = serviceWith('wlc', 'A:1', 'B:0', 'C:1');
    service.row('C').overloaded = true;
    assert.equal(service.connect(2), 'AA');
  });
});

describe('productExceeds', () => {
  const BIG = 2 ** 31 - 1;
  for (const [a, b, c, d, expected] of [
    [2, 3, 1, 6, false],
    [2, 3, 1, 5, true],
    [2 ** 32, BIG, 2 ** 32, BIG, false],
    [2 ** 32 - 1, BIG, BIG, 2 ** 31 - 2, true],
    [2 ** 32 + 1, BIG, 2 ** 32, BIG, true],
    [2 ** 32, BIG, 2 ** 32 + 1, BIG, false],
    [2 ** 30 + 3, 2 ** 30 + 2, 2 ** 30 + 4, 2 ** 30 + 1, true],
    [2 ** 30 + 4, 2 ** 30 + 1, 2 ** 30 + 3, 2 ** 30 + 2, false],
  ] as const) {
    it(`${a} * ${b} > ${c} * ${d} is ${expected}`, () => {
      assert.equal(productExceeds(a, b, c, d), expected);
    });
  }
});

describe('sed', () => {
  it('gives the first connections to the heaviest', () => {
    assert.equal(serviceWith('sed', 'A:3', 'B:2', 'C:1').connect(6), 'ABACBA');
  });

  it('ignores inactive connections', () => {
    const service = serviceWith('sed', 'A:1', 'B:1');
    service.row('B').inactive = 1000;
    assert.equal(service.pick(), 'B');
  });
});

describe('nq', () => {
  it('gives an idle destination a connection first, in list order, then goes as sed', () => {
    assert.equal(serviceWith('nq', 'A:30', 'B:2', 'C:1').connect(6), 'CBAAAA');
  });

  it('leaves out idle destinations that are quiesced or overloaded', () => {
    const service = serviceWith('nq', 'A:1', 'B:1', 'C:0');
    service.row('B').overloaded = true;
    assert.equal(service.connect(3), 'AAA');
  });
});

describe('fo', () => {
  it('gives everything to the heaviest that is available', () => {
    const service = serviceWith('fo', 'A:1', 'B:3', 'C:2', 'D:3');
    assert.equal(service.connect(3), 'DDD');
    service.row('D').overloaded = true;
    assert.equal(service.pick(), 'B');
    service.setWeight('B', 0);
    assert.equal(service.pick(), 'C');
  });
});

describe('ovf', () => {
  it('fills the heaviest until its active connections exceed its weight, then the next one', () => {
    assert.equal(serviceWith('ovf', 'A:1', 'B:3', 'C:2').connect(10), 'BBBBCCCAA-');
  });

  it('leaves out overloaded and quiesced destinations', () => {
    const service = serviceWith('ovf', 'A:1', 'B:3', 'C:0');
    service.row('B').overloaded = true;
    assert.equal(service.pick(), 'A');
  });
});
