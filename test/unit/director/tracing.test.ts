import assert from 'node:assert/strict';
import { ControlError } from '../../../src/control/api.js';
import type { TraceReport } from '../../../src/control/trace.js';
import { TracedControl } from '../../support/traced-control.js';
import { SYN, TracedDirector, traceRequest } from '../../support/tracing.js';

async function next(reports: AsyncIterator<TraceReport[]>): Promise<TraceReport> {
  const { done, value } = await reports.next();
  assert.ok(done !== true);
  return value[0];
}

describe("a director's trace", () => {
  let director: TracedDirector;
  let control: TracedControl;
  beforeEach(async () => {
    director = await TracedDirector.create();
    control = new TracedControl(director);
  });

  it('reports what there is, also nothing, and ends in the data plane when its reader leaves', async () => {
    const reports = control.trace(traceRequest());
    assert.deepEqual(await next(reports), {
      packets: [],
      matched: 0,
      leftOut: 0,
      isDone: false,
      isAnew: false,
    });
    director.fromClient(SYN);
    assert.equal((await next(reports)).packets.length, 1);
    assert.equal(director.watchers.length, 1);
    await reports.return(undefined);
    assert.deepEqual(director.watchers.slice(1), [null]);
    assert.equal(control.asked.at(-1), 'endTrace');
  });

  it('begins anew in the data plane that follows one that has ended, and says so', async () => {
    const reports = control.trace(traceRequest());
    await next(reports);
    control.deaths = 1;
    const report = await next(reports);
    assert.deepEqual([report.isAnew, report.matched], [true, 0]);
    director.fromClient(SYN);
    const after = await next(reports);
    assert.deepEqual([after.isAnew, after.matched], [false, 1]);
    await reports.return(undefined);
  });

  it('has numbers of its own: two do not get each other’s packets', async () => {
    const [one, other] = [traceRequest(), traceRequest({ decisions: ['dropped'] })].map(
      control.trace,
    );
    await Promise.all([next(one), next(other)]);
    director.fromClient(SYN);
    assert.deepEqual(
      (await Promise.all([next(one), next(other)])).map(({ matched }) => matched),
      [1, 0],
    );
    await Promise.all([one.return(undefined), other.return(undefined)]);
  });

  it('comes to its end with the last packet that was wanted', async () => {
    const reports = control.trace(traceRequest({}, { countMax: 1 }));
    const first = reports.next();
    director.fromClient(SYN);
    await first;
    while ((await reports.next()).done !== true);
    assert.deepEqual(director.watchers.at(-1), null);
  });

  it('that is refused is', async () => {
    await assert.rejects(
      control.trace(traceRequest({ states: ['?'] })).next(),
      (error) => error instanceof ControlError && error.errno === 'EINVAL',
    );
  });
});
