import assert from 'node:assert/strict';
import { StraightforwardBalancer } from '../../../bench/micro/straightforward.js';
import { EngineSubject, StraightforwardSubject } from '../../../bench/micro/subjects.js';
import * as traffic from '../../../bench/micro/traffic.js';
import { SeededRandom } from '../../../dataplane/driver/random.js';
import { LEAVE } from '../../../dataplane/verdict.js';
import { Clock, testDirector } from '../../support/director.js';

const SERVERS = 5;
const FIRST_HOST = 2;
const CLIENTS = 60;
const STEPS = 10_000;
/** The engine's timers run at multiples of this: at other times it removes a connection a little later. */
const TIMER_TICKS = 8;
const FLAGS = [0x02, 0x10, 0x10, 0x10, 0x12, 0x11, 0x04, 0x14, 0x00];

/** Runs the same random segments through both, with a clock that sometimes jumps. */
function compare(engine: EngineSubject, plain: StraightforwardSubject): Record<number, number> {
  const random = new SeededRandom(7);
  const batch = new traffic.FrameBatch();
  const kinds: Record<number, number> = {};
  let now = 0;
  for (let step = 0; step < STEPS; step++) {
    const client = random.below(CLIENTS);
    const flags = FLAGS[random.below(FLAGS.length)];
    const isRequest = random.chance(0.6);
    batch.begin(isRequest ? traffic.OUTER : traffic.INNER);
    if (isRequest) batch.addRequest(client, flags);
    else batch.addReply(FIRST_HOST + random.below(SERVERS), client, flags);
    const length = traffic.FRAME_BYTES;

    batch.restore();
    const expected = engine.server.engine.process(batch.memory, 0, length, batch.port, 0, now);
    const frame = batch.memory.slice(0, length);
    batch.restore();
    const verdict = plain.balancer.process(batch.memory, 0, length, now);

    const context = `step ${step}, flags ${flags}, ${isRequest ? 'request' : 'reply'}`;
    assert.equal(verdict, expected, context);
    assert.deepEqual(batch.memory.slice(0, length), frame, context);
    kinds[verdict & 0xff] = (kinds[verdict & 0xff] ?? 0) + 1;
    now += TIMER_TICKS * (random.chance(0.01) ? 1500 : random.below(4));
    engine.advance(now);
    plain.advance(now);
    assert.equal(plain.connectionCount, engine.connectionCount, context);
  }
  return kinds;
}

describe('the straightforward implementation', () => {
  for (const scheduler of ['rr', 'wlc']) {
    it(`decides and rewrites as the engine does, with ${scheduler}`, async () => {
      const engine = await EngineSubject.create({ scheduler, servers: SERVERS, capacity: 1024 });
      const plain = StraightforwardSubject.create({ scheduler, servers: SERVERS });
      const kinds = compare(engine, plain);
      // Otherwise the comparison means nothing: packets must have been sent, and others given back.
      assert.ok(kinds[1] > STEPS / 10, JSON.stringify(kinds));
      assert.ok(kinds[0] > STEPS / 20, JSON.stringify(kinds));
    });
  }

  it('counts bytes and packets of the total, the service and the server', () => {
    const { routes } = testDirector(new Clock());
    const balancer = new StraightforwardBalancer(routes);
    const service = balancer.addService(0x0a01_0064, traffic.SERVICE_PORT, 'rr');
    const server = balancer.addServer(service, 0x0a02_0002, traffic.SERVER_PORT, 1);
    const batch = new traffic.FrameBatch();
    batch.begin(traffic.OUTER);
    batch.addRequest(1, traffic.SYN);
    batch.restore();
    balancer.process(batch.memory, 0, traffic.FRAME_BYTES, 0);
    const expected = { connections: 1, inPackets: 1, outPackets: 0, inBytes: 40, outBytes: 0 };
    assert.deepEqual(balancer.total, expected);
    assert.deepEqual(service.counters, expected);
    assert.deepEqual(server.counters, expected);
    assert.equal(server.active, 1);
  });

  it('leaves what is no IPv4 frame alone', () => {
    const balancer = new StraightforwardBalancer(testDirector(new Clock()).routes);
    assert.equal(balancer.process(new Uint8Array(64), 0, 64, 0), LEAVE);
  });
});
