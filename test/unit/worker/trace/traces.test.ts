import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { ControlError } from '../../../../src/control/api.js';
import { TRACES_MAX } from '../../../../src/worker/trace/traces.js';
import { SYN, TracedDirector, traceRequest } from '../../../support/tracing.js';

const refusal = (errno: string) => (error: unknown) =>
  error instanceof ControlError && error.errno === errno;

describe('traces', () => {
  let director: TracedDirector;
  let port: number;
  beforeEach(async () => {
    director = await TracedDirector.create();
    port = 1024;
  });

  function send(count: number): void {
    for (let i = 0; i < count; i++) director.fromClient(SYN, { sourcePort: port++ });
  }

  const numbers = () => director.traces.fetch(1).packets.map(({ number }) => number);

  it('take so many packets of each second, the first ones, and count the others', () => {
    const { traces } = director;
    traces.begin(1, traceRequest({}, { ratePerSecond: 3 }));
    send(5);
    director.nowMs += 999;
    send(1);
    assert.deepEqual(numbers(), [1, 2, 3]);
    director.nowMs += 1;
    send(4);
    const { packets, matched, leftOut } = traces.fetch(1);
    assert.deepEqual(
      packets.map(({ number }) => number),
      [4, 5, 6],
    );
    assert.deepEqual([matched, leftOut], [10, 4]);
  });

  it('go on where somebody has set the clock back', () => {
    director.traces.begin(1, traceRequest({}, { ratePerSecond: 1 }));
    send(1);
    director.nowMs -= 60_000;
    send(1);
    assert.deepEqual(numbers(), [1, 2]);
  });

  it('end after as many packets as are wanted', () => {
    director.traces.begin(1, traceRequest({}, { countMax: 2 }));
    send(1);
    assert.equal(director.traces.fetch(1).isDone, false);
    send(5);
    const { packets, matched, leftOut, isDone } = director.traces.fetch(1);
    assert.deepEqual([packets.length, matched, leftOut, isDone], [1, 2, 0, true]);
  });

  it('keep so much for who does not fetch it, and leave out the rest', () => {
    director.traces.begin(1, traceRequest({}, { ratePerSecond: 10_000 }));
    const frame = { payload: new Uint8Array(1900) };
    for (let i = 0; i < 5000; i++) director.fromClient(SYN, { sourcePort: 1024 + i, ...frame });
    const { packets, matched, leftOut } = director.traces.fetch(1);
    assert.equal(matched, 5000);
    assert.ok(leftOut > 0 && packets.length + leftOut === matched, `${leftOut} left out`);
    const bytes = packets.reduce((sum, { came }) => sum + (came?.bytes.length ?? 0), 0);
    assert.ok(bytes < 8 << 20, `${bytes} bytes`);
    director.fromClient(SYN, { sourcePort: 1, ...frame });
    assert.equal(director.traces.fetch(1).packets.length, 1);
  });

  it('each have their own filter, and are only so many', () => {
    const { traces } = director;
    for (let id = 1; id <= TRACES_MAX; id++) {
      traces.begin(
        id,
        traceRequest({ virtuals: [{ address: '0.0.0.0', prefixLength: 0, port: 80 * (id % 2) }] }),
      );
    }
    assert.throws(() => traces.begin(9, traceRequest()), refusal('ENOMEM'));
    director.fromClient(SYN, { destinationPort: 22 });
    assert.deepEqual(
      [1, 2, 3, 4].map((id) => traces.fetch(id).matched),
      [0, 1, 0, 1],
    );
    traces.end(2);
    traces.begin(9, traceRequest());
    assert.throws(() => traces.fetch(2), refusal('ESRCH'));
  });

  it('have packets looked at from the first trace until the last one has ended', () => {
    const { traces, watchers } = director;
    traces.begin(1, traceRequest());
    traces.begin(2, traceRequest());
    assert.equal(watchers.length, 1);
    assert.notEqual(watchers[0], null);
    traces.end(1);
    assert.equal(watchers.length, 1);
    traces.end(2);
    traces.end(2);
    assert.deepEqual(watchers.slice(1), [null]);
  });

  it('end where nobody fetches from them any more', async () => {
    director = await TracedDirector.create({}, 20);
    const { traces, watchers } = director;
    traces.begin(1, traceRequest());
    while (watchers.length < 2) await pause(5);
    assert.equal(watchers[1], null);
    assert.throws(() => traces.fetch(1), refusal('ESRCH'));
  });

  it('that are refused leave nothing behind', () => {
    assert.throws(
      () => director.traces.begin(1, traceRequest({ states: ['?'] })),
      refusal('EINVAL'),
    );
    assert.deepEqual(director.watchers, []);
  });
});
