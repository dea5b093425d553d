import assert from 'node:assert/strict';
import { NO_HOP, Routes, type PortInfo } from '../../../dataplane/route/routes.js';
import { address } from '../../support/frames.js';

const GATEWAY = address('10.1.0.254');
const REMOTE = address('192.0.2.1');
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const PORT: PortInfo = { name: 'd0', mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1500, up: true };
const DEFAULT = { address: 0, prefixLength: 0, gateway: GATEWAY, port: 0, mtu: 0, metric: 0 };

describe('routes', () => {
  let routes: Routes;
  let hop: number;

  beforeEach(() => {
    routes = new Routes();
    routes.setPort(0, PORT);
    routes.setRoutes([{ kind: 'unicast', ...DEFAULT }]);
    routes.setNeighbour(0, GATEWAY, MAC);
    hop = routes.lookup(REMOTE);
  });

  it('keep their hops where a port only has another name or address', () => {
    const { generation } = routes;
    routes.setPort(0, { ...PORT, name: 'd1', address: address('10.1.0.1') });
    assert.equal(routes.generation, generation);
    assert.equal(routes.ports[0].name, 'd1');
  });

  for (const change of [{ up: false }, { mtu: 1400 }, { mac: MAC }]) {
    it(`have hops looked up anew where a port has other ${Object.keys(change).join()}`, () => {
      const { generation } = routes;
      routes.setPort(0, { ...PORT, ...change });
      assert.notEqual(routes.generation, generation);
    });
  }

  it('send from a port’s new MAC address, to neighbours that are known already', () => {
    routes.setPort(0, { ...PORT, mac: Uint8Array.of(2, 0, 0, 0, 0, 9) });
    const macs = new Uint8Array(12);
    hop = routes.lookup(REMOTE);
    assert.ok(routes.isResolved(hop));
    routes.writeMacs(hop, macs, 0);
    assert.deepEqual([...macs], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9]);
  });

  it('lead nowhere through a port that is down, and back when it is up', () => {
    routes.setPort(0, { ...PORT, up: false });
    assert.equal(routes.lookup(REMOTE), NO_HOP);
    routes.setPort(0, PORT);
    assert.equal(routes.addressOf(routes.lookup(REMOTE)), GATEWAY);
  });

  it('know their gateways and the neighbours of a port', () => {
    assert.ok(routes.isGateway(GATEWAY));
    assert.ok(!routes.isGateway(REMOTE));
    assert.deepEqual(routes.neighboursOf(0), [GATEWAY]);
    assert.deepEqual(routes.neighbourMac(0, GATEWAY), MAC);
    routes.setNeighbour(0, GATEWAY, null);
    assert.deepEqual(routes.neighboursOf(0), []);
  });
});
