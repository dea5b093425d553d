import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { serviceWith, type FakeService } from '../unit/scheduler/fake-destinations.js';

const NAMES = 'ABCDEFGH';
const weights = (max: number) => fc.array(fc.integer({ min: 0, max }), { maxLength: NAMES.length });
const anyClient = fc
  .tuple(fc.integer({ min: 1, max: 254 }), fc.integer({ min: 0, max: 255 }))
  .map(([a, b]) => `10.9.${b}.${a}`);

function build(schedulerName: string, ofWeights: number[]): FakeService {
  return serviceWith(schedulerName, ...ofWeights.map((weight, i) => `${NAMES[i]}:${weight}`));
}

/** Something that happens to a service, written so that a failing example can be read. */
type Step =
  | { do: 'pick'; client: string; port: number }
  | { do: 'add'; weight: number }
  | { do: 'remove' | 'overload' | 'relieve' | 'close'; which: number }
  | { do: 'edit'; which: number; weight: number }
  | { do: 'restart' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pick' as const),
      client: anyClient,
      port: fc.integer({ min: 1, max: 65535 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('add' as const), weight: fc.nat(5) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('remove' as const, 'overload', 'relieve', 'close'),
      which: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      which: fc.nat(20),
      weight: fc.nat(5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

/** Does one step; `check` sees every pick. */
function perform(service: FakeService, step: Step, check: (picked: string) => void): void {
  const linked = service.rows.filter((row) => row.available);
  if (step.do === 'pick') {
    const picked = service.pick(step.client, step.port);
    if (picked !== '-') service.row(picked).active += 1;
    check(picked);
  } else if (step.do === 'add') {
    service.add(`${service.rows.length}:${step.weight}`);
  } else if (step.do === 'restart') {
    service.restart();
  } else if (linked.length > 0) {
    const row = linked[step.which % linked.length];
    if (step.do === 'remove') service.remove(row.name);
    else if (step.do === 'edit') service.setWeight(row.name, step.weight);
    else if (step.do === 'close') row.active = Math.max(0, row.active - 1);
    else row.overloaded = step.do === 'overload';
  }
}

describe('every scheduler', () => {
  for (const { name } of SCHEDULERS) {
    it(`${name} picks only linked, weighted destinations that are not overloaded`, () => {
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(3), (steps, flags) => {
          const service = serviceWith(name, 'A:1', 'B:2');
          service.flags = flags * 8;
          for (const step of steps) {
            perform(service, step, (picked) => {
              if (picked === '-') return;
              const row = service.row(picked);
              assert.ok(row.available && row.weight > 0);
              // A cached server of lblc is kept beyond its upper threshold.
              if (name !== 'lblc') assert.ok(!row.overloaded);
            });
          }
        }),
      );
    });

    it(`${name} holds no destination once it is unbound`, () => {
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
          const service = serviceWith(name, 'A:1', 'B:2');
          const lasting = steps.filter((step) => step.do !== 'restart');
          for (const step of lasting) perform(service, step, () => undefined);
          assert.ok(service.rows.every((row) => row.holds >= 0));
          service.unbind();
          assert.ok(service.rows.every((row) => row.holds === 0));
        }),
      );
    });
  }

  for (const name of 'rr wrr lc wlc sed nq fo lblc lblcr'.split(' ')) {
    it(`${name} finds a server whenever there is one`, () => {
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
          const service = serviceWith(name, 'A:1', 'B:2');
          for (const step of steps) {
            perform(service, step, (picked) => {
              const able = service.rows.some(
                (row) => row.available && row.weight > 0 && !row.overloaded,
              );
              assert.equal(picked !== '-' || !able, true);
            });
          }
        }),
      );
    });
  }
});

describe('wrr', () => {
  it('gives every destination exactly its weight in a full cycle, from anywhere', () => {
    fc.assert(
      fc.property(weights(12), fc.nat(50), (ofWeights, before) => {
        const service = build('wrr', ofWeights);
        const total = ofWeights.reduce((sum, weight) => sum + weight, 0);
        service.picks(before);
        const cycle = service.picks(total);
        ofWeights.forEach((weight, i) => {
          assert.equal(cycle.split(NAMES[i]).length - 1, weight);
        });
      }),
    );
  });

  it('goes on as if nothing had been after a restart', () => {
    fc.assert(
      fc.property(weights(9), fc.nat(40), (ofWeights, before) => {
        const [restarted, steady] = [build('wrr', ofWeights), build('wrr', ofWeights)];
        restarted.picks(before);
        steady.picks(before);
        restarted.restart();
        assert.equal(restarted.picks(30), steady.picks(30));
      }),
    );
  });
});

describe('rr', () => {
  it('takes everyone once before anyone twice', () => {
    fc.assert(
      fc.property(weights(3), fc.nat(20), (ofWeights, before) => {
        const service = build('rr', ofWeights);
        service.picks(before);
        const able = ofWeights.filter((weight) => weight > 0).length;
        const round = service.picks(able);
        assert.equal(new Set(round).size, able);
      }),
    );
  });
});

describe('sh, dh, mh', () => {
  for (const name of ['sh', 'dh', 'mh']) {
    it(`${name} sends a client to the same server again and again, also after a restart`, () => {
      fc.assert(
        fc.property(weights(9), anyClient, fc.nat(65535), (ofWeights, client, port) => {
          const service = build(name, ofWeights);
          const first = service.pick(client, port);
          assert.equal(service.pick(client, (port + 1) & 0xffff), first);
          service.restart();
          assert.equal(service.pick(client, port), first);
        }),
      );
    });
  }

  it('mh leaves most clients where they are when a server is added', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.array(anyClient, { minLength: 50, maxLength: 50 }),
        (servers, clients) => {
          const service = build(
            'mh',
            Array.from({ length: servers }, () => 1),
          );
          const before = clients.map((client) => service.pick(client));
          service.add('Z:1');
          const moved = clients.filter((client, i) => {
            const now = service.pick(client);
            return now !== before[i] && now !== 'Z';
          });
          assert.ok(moved.length <= clients.length / 3, `${moved.length} moved elsewhere`);
        },
      ),
    );
  });
});
