import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capacity } from '../../../dataplane/state.js';
import { ControlError } from '../../../src/control/api.js';
import { calls } from '../../../src/control/calls.js';
import { RemoteVirtualServer } from '../../../src/director/remote-virtual-server.js';
import { WorkerEndedError } from '../../../src/director/supervision.js';
import { openTables, viewTables } from '../../../src/virtual-server/tables.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { serviceKey, serviceSettings } from '../../support/director.js';

const CAPACITY: Capacity = { connections: 100, services: 100, destinations: 200 };
const SETTINGS = serviceSettings();

type Death = 'before' | 'half-way' | 'after' | null;

/** A worker in this process that ends when it is told to, and comes up again with the same tables. */
class MortalWorker {
  readonly deaths: Death[] = [];
  openings = 0;
  private server!: VirtualServer;

  constructor(private readonly directory: string) {
    this.open();
  }

  private open(): void {
    const { memory, capacity } = openTables(this.directory, CAPACITY);
    this.server = new VirtualServer({ hashKey: [1, 2], clock: () => 0, capacity, memory });
    this.server.rebuild();
    this.openings += 1;
  }

  readonly openWorker = async (): Promise<number> => {
    this.open();
    return 1;
  };

  readonly ask = async (): Promise<never> => {
    throw new Error('not asked in these tests');
  };

  readonly change = async ({
    command,
    method,
    params,
  }: {
    command: number;
    method: keyof typeof calls;
    params: unknown;
  }): Promise<void> => {
    const death = this.deaths.shift() ?? null;
    if (death === 'before') throw new WorkerEndedError('gone');
    const perform = calls[method] as (control: VirtualServer, params: unknown) => Promise<unknown>;
    if (death === 'half-way') {
      this.server.state.journal.begin(command);
      await perform(this.server, params);
      throw new WorkerEndedError('gone');
    }
    await this.server.whole(command, () => perform(this.server, params));
    if (death === 'after') throw new WorkerEndedError('gone');
  };
}

describe('the virtual server of another process', () => {
  let directory: string;
  let worker: MortalWorker;
  let remote: RemoteVirtualServer;
  let changed: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'uvs-remote-'));
    worker = new MortalWorker(directory);
    changed = 0;
    remote = new RemoteVirtualServer({
      supervision: worker,
      clock: () => 0,
      onChanged: () => changed++,
    });
    remote.look(viewTables(directory, CAPACITY));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const ports = async (): Promise<number[]> => (await remote.services()).map(({ port }) => port);
  const add = (port: number): Promise<void> => remote.addService(serviceKey(port), SETTINGS);

  it('is asked through its tables', async () => {
    await add(80);
    assert.deepEqual(await ports(), [80]);
    assert.equal((await remote.service(serviceKey(80))).scheduler, 'rr');
    await assert.rejects(remote.service(serviceKey(81)), { errno: 'ESRCH' });
    await remote.setSetting('sloppy_tcp', 1);
    assert.equal((await remote.settings())['sloppy_tcp'], 1);
    await remote.setTimeouts({ tcpSeconds: 7, tcpFinSeconds: 0, udpSeconds: 0 });
    assert.equal((await remote.timeouts()).tcpSeconds, 7);
    for await (const batch of remote.connections()) assert.deepEqual(batch, []);
    assert.equal(changed, 3);
  });

  it('answers a question after the changes that came before it', async () => {
    const first = add(80);
    const second = add(81);
    assert.deepEqual(await ports(), [80, 81]);
    await Promise.all([first, second]);
  });

  it('refuses as the worker does, and goes on', async () => {
    await add(80);
    await assert.rejects(add(80), (error) => {
      assert.ok(error instanceof ControlError && error.errno === 'EEXIST');
      return true;
    });
    await add(81);
    assert.deepEqual(await ports(), [80, 81]);
  });

  for (const death of ['before', 'half-way', 'after'] as const) {
    it(`makes a change once, where the worker ends ${death}`, async () => {
      worker.deaths.push(null, death);
      await add(80);
      await add(81);
      assert.equal(worker.openings, 2);
      assert.deepEqual(await ports(), [80, 81]);
      worker.deaths.push(death);
      await remote.deleteService(serviceKey(80));
      assert.deepEqual(await ports(), [81]);
    });
  }

  it('gives up a change that workers end of', async () => {
    worker.deaths.push('half-way', 'before', 'half-way');
    await assert.rejects(add(80), { errno: 'EIO', message: /ended 3 times/ });
    await worker.openWorker();
    assert.deepEqual(await ports(), []);
    await add(80);
    assert.deepEqual(await ports(), [80]);
  });

  it('numbers its changes after those of an earlier director', async () => {
    await add(80);
    await add(81);
    const next = new RemoteVirtualServer({ supervision: worker, clock: () => 0, onChanged() {} });
    next.look(viewTables(directory, CAPACITY));
    worker.deaths.push('before');
    await next.addService(serviceKey(82), SETTINGS);
    assert.deepEqual(await ports(), [80, 81, 82]);
  });
});
