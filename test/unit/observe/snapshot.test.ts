import assert from 'node:assert/strict';
import { ACK, SYN } from '../../../dataplane/wire/tcp.js';
import type { DestinationSnapshot, Snapshot } from '../../../src/control/snapshot.js';
import { destinationKey, destinationSettings, serviceKey } from '../../support/director.js';
import { Observed } from './observed.js';

const SECOND = 100;
const MINUTE = 60 * SECOND;
const SYN_ACK = SYN | ACK;

function serverIn(snapshot: Snapshot, host: number): DestinationSnapshot {
  const found = snapshot.services[0].destinations.find(
    ({ address }) => address === destinationKey(host).address,
  );
  assert.ok(found !== undefined);
  return found;
}

describe('a snapshot', () => {
  let observed: Observed;
  beforeEach(async () => (observed = await Observed.open()));

  it('has connections by TCP state, of each server and of all', async () => {
    observed.send(4000, SYN);
    observed.send(4001, SYN);
    observed.reply(12, 4001, SYN_ACK);
    observed.send(4001, ACK);
    const snapshot = await observed.observer.snapshot();
    assert.deepEqual(snapshot.connections.states, { ESTABLISHED: 1, SYN_RECV: 1 });
    const { used, halfOpen, templates } = snapshot.connections;
    assert.deepEqual([used, halfOpen, templates], [2, 1, 0]);
    assert.deepEqual(serverIn(snapshot, 13).states, { SYN_RECV: 1 });
    assert.deepEqual(serverIn(snapshot, 12).states, { ESTABLISHED: 1 });
    assert.deepEqual(serverIn(snapshot, 11).states, {});
  });

  it('has counters of this moment, where listings have those of up to two seconds ago', async () => {
    observed.send(4000, SYN);
    const [service] = (await observed.observer.snapshot()).services;
    assert.deepEqual([service.statistics.connections, service.statistics.inBytes], [1, 40]);
    assert.deepEqual([service.scheduled, service.notScheduled], [1, 0]);
    assert.equal((await observed.server.services())[0].statistics.connections, 0);
  });

  it('forgets what was counted before -Z', async () => {
    observed.send(4000, SYN);
    observed.pass(2 * SECOND);
    await observed.server.zero();
    observed.send(4001, SYN);
    const { total } = await observed.observer.snapshot();
    assert.deepEqual([total.connections, total.inPackets], [1, 1]);
  });

  it('counts what the scheduler found no server for', async () => {
    for (const { address, port } of (await observed.server.service(serviceKey())).destinations) {
      const settings = destinationSettings({ weight: 0 });
      await observed.server.editDestination(
        serviceKey(),
        { family: 'inet', address, port },
        settings,
      );
    }
    observed.send(4000, SYN);
    const [service] = (await observed.observer.snapshot()).services;
    assert.deepEqual([service.scheduled, service.notScheduled], [0, 1]);
  });

  it('says which server leaves SYNs unanswered: first that they wait, then that they ended so', async () => {
    observed.send(4000, SYN);
    observed.send(4001, SYN);
    observed.reply(12, 4001, SYN_ACK);
    const young = await observed.observer.snapshot();
    assert.equal(serverIn(young, 13).unansweredNow, 0);
    observed.pass(2 * SECOND);
    const waiting = await observed.observer.snapshot();
    assert.deepEqual(
      [13, 12].map((host) => serverIn(waiting, host).unansweredNow),
      [1, 0],
    );
    observed.pass(2 * MINUTE);
    const ended = await observed.observer.snapshot();
    assert.deepEqual(
      [13, 12].map((host) => serverIn(ended, host).unansweredNow),
      [0, 0],
    );
    assert.deepEqual(
      [13, 12].map((host) => serverIn(ended, host).unansweredSyns),
      [1, 0],
    );
    assert.equal(ended.measured.expired['SYN_RECV'], 2);
  });

  it('takes a repeated SYN for unanswered at once, and an answered one never, also after a restart', async () => {
    observed.send(4000, SYN);
    observed.send(4000, SYN);
    observed.send(4001, SYN);
    observed.reply(12, 4001, SYN_ACK);
    observed.server.rebuild();
    observed.send(4001, SYN);
    const snapshot = await observed.observer.snapshot();
    assert.deepEqual(
      [13, 12].map((host) => serverIn(snapshot, host).unansweredNow),
      [1, 0],
    );
  });

  it('is shared by all who ask within a second', async () => {
    const [first, second] = await Promise.all([
      observed.observer.snapshot(),
      observed.observer.snapshot(),
    ]);
    assert.equal(first, second);
    observed.nowMs += 999;
    assert.equal(await observed.observer.snapshot(), first);
    observed.nowMs += 1;
    assert.notEqual(await observed.observer.snapshot(), first);
    assert.equal(observed.asked, 2);
  });

  it('goes without what only the data plane knows while that does not answer', async () => {
    observed.answer = null;
    assert.equal((await observed.observer.snapshot()).counters, null);
    observed.nowMs += 1000;
    observed.answer = () => Promise.reject(new Error('ended'));
    assert.equal((await observed.observer.snapshot()).counters, null);
    observed.nowMs += 1000;
    observed.isServing = false;
    observed.asked = 0;
    assert.equal((await observed.observer.snapshot()).counters, null);
    assert.equal(observed.asked, 0);
  });
});
