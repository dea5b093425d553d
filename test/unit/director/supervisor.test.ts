import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  FAILURES_BEFORE_GIVING_UP,
  FAULTS_BEFORE_ASIDE,
  Supervisor,
  SUPERVISOR_TIMES,
  type SupervisorEffect,
  type SupervisorEvent,
} from '../../../src/director/supervisor.js';

const { stableMs, hangMs, activateMs, pauseMaxMs } = SUPERVISOR_TIMES;
const TICK_MS = 50;

/** Workers that load, open and run at once, and a clock that ticks. */
class Stage {
  readonly supervisor = new Supervisor();
  nowMs = 0;
  effects: SupervisorEffect[] = [];
  running = 0;
  /** What becomes of a worker that is activated. */
  activated: (worker: number) => void = (worker) => this.give({ event: 'running', worker });

  constructor() {
    this.give({ event: 'start' });
  }

  give(event: SupervisorEvent): void {
    if (event.event === 'running') this.running = event.worker;
    for (const effect of this.supervisor.handle(event, this.nowMs)) {
      this.effects.push(effect);
      if (effect.effect === 'spawn') this.give({ event: 'loaded', worker: effect.worker });
      if (effect.effect === 'activate') this.activated(effect.worker);
      if (effect.effect === 'kill') this.end(effect.worker);
    }
  }

  end(worker: number, isFault = false): void {
    if (worker === this.running) this.running = 0;
    this.give({ event: 'ended', worker, isFault });
  }

  pass(ms: number, isAlive = true): void {
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      this.nowMs += Math.min(TICK_MS, end - this.nowMs);
      if (isAlive) this.give({ event: 'alive', worker: this.supervisor.activeWorker });
      this.give({ event: 'tick' });
    }
  }

  take(): SupervisorEffect[] {
    return this.effects.splice(0);
  }
}

describe('the supervisor of the data plane', () => {
  it('activates the first worker and has a spare one ready', () => {
    assert.deepEqual(new Stage().take(), [
      { effect: 'spawn', worker: 1 },
      { effect: 'activate', worker: 1, aside: 'nothing' },
      { effect: 'spawn', worker: 2 },
    ]);
  });

  it('has the spare take over at once, and gets another one', () => {
    const stage = new Stage();
    stage.pass(2 * stableMs);
    stage.take();
    stage.end(1);
    assert.deepEqual(stage.take(), [
      { effect: 'report', worker: 1, failures: 0 },
      { effect: 'activate', worker: 2, aside: 'nothing' },
      { effect: 'spawn', worker: 3 },
    ]);
  });

  it('replaces a spare that ended', () => {
    const stage = new Stage();
    stage.take();
    stage.end(2);
    assert.deepEqual(
      stage.take().map(({ effect }) => effect),
      ['report', 'spawn'],
    );
    assert.equal(stage.supervisor.activeWorker, 1);
  });

  it('gives up after failures in a row, says so once, tries on, and recovers', () => {
    const stage = new Stage();
    stage.take();
    for (let i = 0; i < 4 * FAILURES_BEFORE_GIVING_UP; i++) {
      stage.end(stage.running, true);
      while (stage.running === 0) stage.pass(TICK_MS);
    }
    assert.ok(stage.nowMs > SUPERVISOR_TIMES.giveUpMs);
    const effects = stage.take();
    assert.equal(effects.filter(({ effect }) => effect === 'giveUp').length, 1);
    assert.ok(stage.supervisor.isGivenUp);
    stage.pass(2 * stableMs);
    assert.deepEqual(stage.take(), [{ effect: 'recovered' }]);
    assert.ok(!stage.supervisor.isGivenUp);
  });

  it('has no pause for workers that ran and were killed, however often', () => {
    const stage = new Stage();
    for (let i = 0; i < 10 * FAILURES_BEFORE_GIVING_UP; i++) {
      stage.pass(2 * TICK_MS);
      stage.end(stage.running);
      assert.notEqual(stage.running, 0);
    }
    assert.ok(!stage.supervisor.isGivenUp);
  });

  it('does not give up within moments, however often workers end', () => {
    const stage = new Stage();
    const end = stage.nowMs + SUPERVISOR_TIMES.giveUpMs;
    while (stage.nowMs < end - TICK_MS) {
      if (stage.running !== 0) stage.end(stage.running, true);
      stage.pass(TICK_MS);
    }
    assert.ok(!stage.supervisor.isGivenUp);
  });

  it('does without tables that workers fail of, but keeps them where workers are killed', () => {
    assert.deepEqual(asidesOf(true), [
      'nothing',
      'nothing',
      'connections',
      'all',
      'nothing',
      'nothing',
    ]);
    assert.deepEqual(new Set(asidesOf(false)), new Set(['nothing']));
  });

  it('forgets failures once a worker has run for a while', () => {
    const stage = new Stage();
    for (let i = 0; i < 10 * FAILURES_BEFORE_GIVING_UP; i++) {
      stage.end(stage.running);
      while (stage.running === 0) stage.pass(TICK_MS);
      stage.pass(2 * stableMs);
    }
    assert.ok(!stage.effects.some(({ effect }) => effect === 'giveUp'));
  });

  it('kills a worker that says nothing any more', () => {
    const stage = new Stage();
    stage.take();
    stage.pass(hangMs + TICK_MS, false);
    assert.deepEqual(stage.take()[0], {
      effect: 'kill',
      worker: 1,
      reason: `silent for ${hangMs} ms`,
    });
    assert.equal(stage.running, 2);
  });

  it('counts as serving while a worker runs and is heard of', () => {
    const stage = new Stage();
    const { supervisor } = stage;
    assert.equal(supervisor.isServing(stage.nowMs), true);
    stage.pass(hangMs);
    assert.equal(supervisor.isServing(stage.nowMs), true);
    assert.equal(supervisor.isServing(stage.nowMs + hangMs), false);
    stage.activated = () => {};
    stage.end(supervisor.activeWorker);
    assert.equal(supervisor.isServing(stage.nowMs), false);
  });

  it('kills none because it was itself held up', () => {
    const stage = new Stage();
    stage.take();
    stage.nowMs += 10 * hangMs;
    stage.give({ event: 'tick' });
    stage.pass(hangMs / 2, false);
    assert.deepEqual(stage.take(), []);
  });

  it('kills a worker that does not get ready, not one that waits as a spare', () => {
    const stage = new Stage();
    stage.pass(2 * activateMs);
    assert.ok(!stage.effects.some(({ effect }) => effect === 'kill'));
    stage.activated = () => {};
    stage.end(1);
    stage.take();
    stage.pass(activateMs + TICK_MS);
    assert.match(JSON.stringify(stage.take()[0]), /"kill","worker":2,"reason":"not ready within/);
  });

  it('does nothing any more once it is stopped', () => {
    const stage = new Stage();
    stage.give({ event: 'stop' });
    stage.take();
    stage.end(1);
    stage.pass(10 * hangMs, false);
    assert.deepEqual(stage.take(), []);
  });

  it('has a worker running whatever ends when, at most the longest pause later', () => {
    const step = fc.record({
      passMs: fc.nat(3000),
      what: fc.constantFrom('active', 'spare', 'nothing', 'silence'),
      isFault: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const stage = new Stage();
        for (const { passMs, what, isFault } of steps) {
          if (what === 'active' && stage.running !== 0) stage.end(stage.running, isFault);
          if (what === 'spare') stage.end(stage.running + 1, isFault);
          stage.pass(passMs, what !== 'silence');
        }
        stage.pass(pauseMaxMs + hangMs);
        assert.notEqual(stage.running, 0);
        assert.equal(stage.supervisor.activeWorker, stage.running);
      }),
      { numRuns: 300, seed: 4 },
    );
  });
});

/** Which tables are set aside as workers end one after the other. */
function asidesOf(isFault: boolean): string[] {
  const stage = new Stage();
  stage.take();
  for (let i = 0; i < FAULTS_BEFORE_ASIDE.all + 2; i++) {
    stage.end(stage.running, isFault);
    while (stage.running === 0) stage.pass(TICK_MS);
  }
  return stage.take().flatMap((e) => (e.effect === 'activate' ? [e.aside] : []));
}
