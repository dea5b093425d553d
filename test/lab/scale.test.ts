/** The benchmark with many connections, with few: its director must know what its clients say there is. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { uvs } from '../../bench/scale/peers/uvs.js';
import { Stage } from '../../bench/scale/stage.js';
import { eventually } from './support/setting.js';

/** More than there are handshakes at a time. */
const CLIENTS = 700;

describe('the stage of bench:scale', () => {
  let stage: Stage;

  before(async () => {
    stage = await Stage.start(uvs, 2 * CLIENTS, null);
  });

  after(() => stage.end());

  /** The last segments may still be on their way. */
  async function areInState(state: string, count: number): Promise<void> {
    const found = await eventually(
      () => inState(state),
      (seen) => seen === count,
    );
    assert.equal(found, count);
  }

  async function inState(state: string): Promise<number> {
    const text = await stage.lab.host('director').output('uvsadm', ['-Lnc']);
    return text.split('\n').filter((line) => line.includes(` ${state} `)).length;
  }

  it('connects as many clients as it is told to, each once', async () => {
    await stage.fill(CLIENTS);
    await areInState('ESTABLISHED', CLIENTS);
    assert.equal(await stage.running.connections(), CLIENTS);
  });

  it('adds only those that are missing', async () => {
    await stage.fill(CLIENTS + 100);
    await areInState('ESTABLISHED', CLIENTS + 100);
  });

  it('counts what has arrived at the servers, for which each client sends one segment', async () => {
    const { sent, delivered } = await stage.touch(10_000);
    assert.equal(sent, CLIENTS + 100);
    assert.equal(delivered, sent);
  });

  it('opens others, new ones each time, and ends them', async () => {
    await stage.openMore(30);
    await stage.openMore(30);
    await areInState('CLOSE', 60);
    await areInState('ESTABLISHED', CLIENTS + 100);
  });

  it('sees packets again after the data plane was killed, on the same connections', async () => {
    await stage.running.recover();
    const killed = stage.running.dataPlane();
    const gapMs = await stage.gapAfterCrash(2000, 1);
    assert.ok(gapMs > 0);
    assert.notEqual(stage.running.dataPlane(), killed);
    assert.ok((await stage.touch(10_000)).delivered > CLIENTS);
  });
});
