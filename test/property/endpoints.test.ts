import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EndpointSet } from '../../dataplane/service/endpoints.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
} from '../support/director.js';

describe('a set of endpoints', () => {
  it('is a multiset: what was added as often as it was removed isn’t in it', () => {
    const endpoint = fc.record({ address: fc.integer({ min: -3, max: 9 }), port: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(fc.tuple(endpoint, fc.boolean()), { maxLength: 200 }), (steps) => {
        const set = new EndpointSet();
        const model = new Map<string, number>();
        for (const [{ address, port }, isAdded] of steps) {
          const key = `${address}:${port}`;
          const count = model.get(key) ?? 0;
          if (isAdded) {
            assert.equal(set.add(address, port), count === 0);
            model.set(key, count + 1);
          } else if (count > 0) {
            assert.equal(set.remove(address, port), count === 1);
            if (count === 1) model.delete(key);
            else model.set(key, count - 1);
          }
          assert.equal(set.size, model.size);
        }
        for (let address = -4; address < 10; address++) {
          const ports = [0, 1, 2, 3, 4, 5].filter((port) => model.has(`${address}:${port}`));
          assert.equal(set.hasAddress(address), ports.length > 0);
          for (let port = 0; port < 7; port++) {
            assert.equal(set.contains(address, port), ports.includes(port));
            assert.equal(set.has(address, port), ports.includes(port) || ports.includes(0));
          }
        }
        const listed = [...set].map(({ address, port }) => `${address}:${port}`);
        assert.deepEqual(listed.sort(), [...model.keys()].sort());
      }),
    );
  });

  it('refuses to remove what isn’t in it', () => {
    const set = new EndpointSet();
    assert.throws(() => set.remove(1, 80), /never added/);
  });
});

describe('the endpoints that are ours', () => {
  const port = fc.constantFrom(0, 21, 80);
  const host = fc.integer({ min: 2, max: 4 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('addService' as const), port, persistent: fc.boolean() }),
    fc.record({ kind: fc.constant('editService' as const), port, persistent: fc.boolean() }),
    fc.record({ kind: fc.constant('deleteService' as const), port }),
    fc.record({ kind: fc.constant('addServer' as const), port, host, serverPort: port }),
    fc.record({ kind: fc.constant('deleteServer' as const), port, host, serverPort: port }),
    fc.record({ kind: fc.constant('flush' as const) }),
    fc.record({ kind: fc.constant('wait' as const) }),
  );

  it('are the same whether kept in step or found anew, and every difference is told', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const clock = new Clock();
        const known = { virtual: new Set<string>(), real: new Set<string>() };
        const director = testDirector(clock, {
          onEndpointsChanged: (touched) => {
            const wanted = director.interceptedEndpoints;
            for (const side of ['virtual', 'real'] as const) {
              if (touched === 'all') known[side] = new Set(wanted.all[side].map(text));
              else
                for (const endpoint of touched[side]) {
                  if (wanted.has(side, endpoint)) known[side].add(text(endpoint));
                  else known[side].delete(text(endpoint));
                }
            }
          },
        });
        for (const one of steps) {
          await perform(one).catch(() => {});
          const { all } = director.interceptedEndpoints;
          for (const side of ['virtual', 'real'] as const) {
            assert.deepEqual([...known[side]].sort(), all[side].map(text).sort());
          }
        }
        const kept = sets();
        director.rebuild();
        assert.deepEqual(sets(), kept);

        function sets(): string[][] {
          const { virtualEndpoints, realEndpoints, servers } = director.state;
          return [virtualEndpoints, realEndpoints, servers].map((set) => [...set].map(text).sort());
        }

        async function perform(one: (typeof steps)[number]): Promise<void> {
          if (one.kind === 'flush') return director.flush();
          if (one.kind === 'wait') {
            for (let i = 0; i < 4; i++) {
              clock.ticks += 6000;
              settle(director, clock);
            }
            return;
          }
          const key = serviceKey(one.port);
          if (one.kind === 'deleteService') return director.deleteService(key);
          if (one.kind === 'addServer' || one.kind === 'deleteServer') {
            const server = destinationKey(one.host, one.serverPort);
            if (one.kind === 'deleteServer') return director.deleteDestination(key, server);
            return director.addDestination(key, server, destinationSettings());
          }
          const settings = serviceSettings({ persistent: one.persistent, timeoutSeconds: 60 });
          return director[one.kind](key, settings);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function text({ address, port }: { address: number; port: number }): string {
  return `${address}:${port}`;
}
