import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { DirectorControl } from '../../../src/director/director-control.js';
import { InterceptSync } from '../../../src/director/intercept-sync.js';
import { createLog } from '../../../src/director/log.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
} from '../../support/director.js';

const SERVERS = 10_000;

describe('ten thousand servers', () => {
  let director: VirtualServer;
  let control: DirectorControl;
  /** Endpoints that were handed on from one place to another. */
  let told: number;
  let asked: number;
  let applied: number;

  beforeEach(() => {
    told = asked = applied = 0;
    director = testDirector(new Clock(), {
      capacity: { connections: 1 << 12, services: 64, destinations: SERVERS },
      onEndpointsChanged: (touched) => {
        told += touched === 'all' ? 1 : touched.virtual.length + touched.real.length;
        interception.touch(touched);
      },
    });
    const interception = new InterceptSync({
      wanted: () => {
        asked += 1;
        return director.interceptedEndpoints;
      },
      apply: ({ added, removed }) => {
        for (const { virtual, real } of [added, removed]) applied += virtual.length + real.length;
      },
      log: createLog({ level: 'error', write: () => {} }),
    });
    control = new DirectorControl({
      inner: director,
      interception,
      vips: { added: async () => {} },
      upgrade: async () => ({ version: '' }),
      snapshot: () => director.snapshot(),
      log: createLog({ level: 'error', write: () => {} }),
    });
  });

  it('are set up, and taken down, with work in proportion to their number', async () => {
    // Every look at a destination's record for its endpoints asks whether it is available.
    let looks = 0;
    const { destinations } = director.state;
    const isLive = destinations.isLive.bind(destinations);
    destinations.isLive = (destination) => {
      looks += 1;
      return isLive(destination);
    };
    await control.addService(serviceKey(), serviceSettings());
    for (let i = 1; i <= SERVERS; i++) {
      await control.addDestination(serviceKey(), server(i), destinationSettings());
    }
    assert.equal(director.interceptedEndpoints.all.real.length, SERVERS);
    assert.equal(applied, SERVERS + 1);
    assert.ok(told <= SERVERS + 1, `${told} endpoints told`);
    assert.ok(looks <= 2 * SERVERS, `${looks} looks at records`);
    assert.ok(asked <= 5 * SERVERS, `${asked} endpoints asked for`);

    looks = told = asked = applied = 0;
    await control.deleteService(serviceKey());
    assert.equal(applied, SERVERS + 1);
    assert.ok(looks <= 2 * SERVERS, `${looks} looks at records`);
    assert.ok(asked <= 5 * SERVERS, `${asked} endpoints asked for`);
    assert.deepEqual(director.interceptedEndpoints.all, { virtual: [], real: [] });
  });
});

function server(i: number) {
  const address = `10.${(i >> 16) + 2}.${(i >> 8) & 255}.${i & 255}`;
  return { family: 'inet' as const, address, port: 80 };
}
