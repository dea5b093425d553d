/** Seed 20261122. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { ServiceEntry } from '../../src/control/api.js';
import { destinationIdentity, serviceIdentity } from '../../src/control/identity.js';
import { difference, type WantedService } from '../../src/rules/difference.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
} from '../support/director.js';

const SEED = 20261122;
const COUNTED = /^statistics$|Connections$/;

const settings = fc
  .record({
    scheduler: fc.constantFrom('rr', 'wlc', 'mh', 'none'),
    schedulerFlags: fc.constantFrom(0, 8),
    timeoutSeconds: fc.constantFrom(0, 60, 360),
  })
  .map((values) => serviceSettings({ ...values, persistent: values.timeoutSeconds > 0 }));

const server = fc
  .record({
    host: fc.integer({ min: 2, max: 6 }),
    weight: fc.integer({ min: 0, max: 2 }),
    upperThreshold: fc.constantFrom(0, 100),
  })
  .map(({ host, ...values }) => ({ ...destinationKey(host), ...destinationSettings(values) }));

const service: fc.Arbitrary<WantedService> = fc
  .record({
    key: fc.integer({ min: 80, max: 84 }).map((port) => serviceKey(port)),
    settings,
    destinations: fc.uniqueArray(server, { selector: destinationIdentity, maxLength: 5 }),
  })
  .map(({ key, settings: values, destinations }) => ({ ...key, ...values, destinations }));

const services = fc.uniqueArray(service, { selector: serviceIdentity, maxLength: 5 });

async function directorWith(wanted: readonly WantedService[]): Promise<VirtualServer> {
  const director = testDirector(new Clock());
  await bringTo(director, wanted);
  return director;
}

async function bringTo(director: VirtualServer, wanted: readonly WantedService[]) {
  const steps = difference(await director.services(), wanted);
  await director.apply(steps.map(({ change }) => change));
  return steps;
}

/** Whatever the order, and without what isn't wanted but counted. */
function plain(entries: readonly (ServiceEntry | WantedService)[]) {
  return entries
    .map(({ destinations, ...rest }) => ({
      ...withoutCounters(rest),
      destinations: destinations.map(withoutCounters).toSorted(byText),
    }))
    .toSorted(byText);
}

function withoutCounters(entry: object): object {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !COUNTED.test(name)));
}

function byText(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

describe('the difference between two sets of services', () => {
  it('leads from the one to the other, and nowhere where they are the same', async () => {
    await fc.assert(
      fc.asyncProperty(services, services, async (present, wanted) => {
        const director = await directorWith(present);
        assert.deepEqual(plain(await director.services()), plain(present));
        await bringTo(director, wanted);
        assert.deepEqual(plain(await director.services()), plain(wanted));
        assert.deepEqual(difference(await director.services(), wanted), []);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('mentions nothing that stays as it is, and takes away nothing that stays', async () => {
    await fc.assert(
      fc.asyncProperty(services, services, async (present, wanted) => {
        const director = await directorWith(present);
        const before = new Map(plain(present).map((one) => [identity(one), one]));
        const after = new Map(plain(wanted).map((one) => [identity(one), one]));
        for (const { change } of difference(await director.services(), wanted)) {
          const key = identity('service' in change ? change.service : change.key);
          assert.notDeepEqual(before.get(key), after.get(key));
          if (change.change === 'deleteService') assert.ok(!after.has(key));
          if (change.change !== 'deleteDestination') continue;
          const gone = destinationIdentity(change.key);
          const stays = wanted.find((one) => identity(one) === key)?.destinations ?? [];
          assert.ok(stays.every((one) => destinationIdentity(one) !== gone));
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

function identity(key: object): string {
  return serviceIdentity(key as WantedService);
}
