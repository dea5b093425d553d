import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CONNECTION_LAYOUT, F_TEMPLATE, W_DEADLINE } from '../../dataplane/conn/record.js';
import { ConnectionTable } from '../../dataplane/conn/table.js';
import { MOVED_ON, NOTHING_DUE, TimerWheel } from '../../dataplane/conn/wheel.js';
import { Region, regionBytes } from '../../dataplane/memory/region.js';
import { heapMemory } from '../../dataplane/state.js';

const CAPACITY = 24;
const WORDS = CONNECTION_LAYOUT.recordWords;

interface Model {
  key: string;
  deadline: number;
}

type Step =
  | { kind: 'add'; client: number; port: number; virtual: number; life: number }
  | { kind: 'remove'; index: number }
  | { kind: 'extend'; index: number; life: number }
  | { kind: 'pass'; ticks: number }
  | { kind: 'rebuild' };

const life = fc.integer({ min: 1, max: 200_000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    client: fc.integer({ min: -3, max: 3 }),
    port: fc.integer({ min: 65_533, max: 65_535 }),
    virtual: fc.integer({ min: -2, max: 2 }),
    life,
  }),
  fc.record({ kind: fc.constant('remove' as const), index: fc.nat(CAPACITY) }),
  fc.record({ kind: fc.constant('extend' as const), index: fc.nat(CAPACITY), life }),
  fc.record({ kind: fc.constant('pass' as const), ticks: fc.integer({ min: 0, max: 100_000 }) }),
  fc.record({ kind: fc.constant('rebuild' as const) }),
);

describe('connection table and timer wheel', () => {
  it('agree with a plain Map under a moving clock, across rebuilds and a wrapping clock', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -0x80000000, max: 0x7fffffff }),
        fc.array(step, { maxLength: 120 }),
        (start, steps) => {
          const buffer = new ArrayBuffer(regionBytes(CONNECTION_LAYOUT, CAPACITY));
          const region = new Region(CONNECTION_LAYOUT, CAPACITY, { buffer });
          const table = new ConnectionTable(region, [3, 4], heapMemory);
          const wheel = new TimerWheel(table.words, CAPACITY, start);
          const model = new Map<number, Model>();
          // Unwrapped time for the model; the table sees it as int32.
          let now = start;

          const place = (connection: number, deadline: number): void => {
            table.words[connection * WORDS + W_DEADLINE] = deadline | 0;
            wheel.schedule(connection);
          };
          for (const action of steps) {
            const ids = [...model.keys()];
            if (action.kind === 'add') {
              const { client, port, virtual } = action;
              const key = `${client}:${port}>${virtual}`;
              if ([...model.values()].some((entry) => entry.key === key)) continue;
              const c = table.allocate(6, client, port, virtual, 80, 7, 8080, 0);
              assert.equal(c === 0, model.size === CAPACITY, 'full exactly at capacity');
              if (c === 0) continue;
              assert.equal(table.findInbound(6, client, port, virtual, 80), 0, 'not before commit');
              table.commit(c);
              place(c, now + action.life);
              model.set(c, { key, deadline: now + action.life });
            } else if (action.kind === 'remove' && ids.length > 0) {
              const c = ids[action.index % ids.length];
              wheel.cancel(c);
              table.remove(c);
              model.delete(c);
            } else if (action.kind === 'extend' && ids.length > 0) {
              const c = ids[action.index % ids.length];
              const entry = model.get(c)!;
              const later = now + action.life;
              if (later >= entry.deadline) table.words[c * WORDS + W_DEADLINE] = later | 0;
              else place(c, later);
              entry.deadline = later;
            } else if (action.kind === 'pass') {
              now += action.ticks;
              for (let c = wheel.next(now | 0); c !== NOTHING_DUE; c = wheel.next(now | 0)) {
                if (c === MOVED_ON) continue;
                const entry = model.get(c);
                assert.ok(entry !== undefined, 'only live connections fire');
                assert.ok(entry.deadline <= now, 'never early');
                table.remove(c);
                model.delete(c);
              }
              for (const entry of model.values()) {
                assert.ok(entry.deadline > now - 16, 'at most two slots late');
              }
            } else if (action.kind === 'rebuild') {
              table.rebuild();
            }
            assert.equal(table.count, model.size);
            for (const [c, entry] of model) {
              const [client, port, virtual] = entry.key.split(/[:>]/).map(Number);
              assert.equal(table.findInbound(6, client, port, virtual, 80), c);
              assert.ok(table.isLive(c));
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('keeps templates and connections of the same addresses apart', () => {
    const buffer = new ArrayBuffer(regionBytes(CONNECTION_LAYOUT, 4));
    const table = new ConnectionTable(
      new Region(CONNECTION_LAYOUT, 4, { buffer }),
      [1, 1],
      heapMemory,
    );
    const template = table.allocate(6, 10, 0, 20, 80, 30, 80, F_TEMPLATE);
    table.commit(template);
    assert.equal(table.findInbound(6, 10, 0, 20, 80), 0);
    assert.equal(table.findOutbound(6, 10, 0, 30, 80), 0);
    assert.equal(table.findTemplate(6, 10, 20, 80), template);
    table.retirePorts(template, 65_535, 65_535);
    assert.equal(table.findTemplate(6, 10, 20, 80), 0);
  });
});
