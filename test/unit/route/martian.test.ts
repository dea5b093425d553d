import assert from 'node:assert/strict';
import { type Route, Routes } from '../../../dataplane/route/routes.js';
import { address } from '../../support/frames.js';

function hostRoute(kind: Route['kind'], text: string): Route {
  return {
    kind,
    address: address(text),
    prefixLength: 32,
    gateway: 0,
    port: -1,
    mtu: 0,
    metric: 0,
  };
}

describe('martian sources', () => {
  const routes = new Routes();
  routes.setRoutes([hostRoute('local', '10.1.0.100'), hostRoute('broadcast', '10.1.0.255')]);

  for (const text of ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.255.255.255']) {
    it(`${text}: no host has it`, () => {
      assert.equal(routes.isMartianSource(address(text)), true);
    });
  }

  it('everybody', () => {
    assert.equal(routes.isMartianSource(address('255.255.255.255')), true);
  });

  it('an address of our own', () => {
    assert.equal(routes.isMartianSource(address('10.1.0.100')), true);
  });

  for (const text of ['10.1.0.2', '10.1.0.255', '203.0.113.7', '223.255.255.255', '240.0.0.1']) {
    it(`not ${text}`, () => {
      assert.equal(routes.isMartianSource(address(text)), false);
    });
  }
});
