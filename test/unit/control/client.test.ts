import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ControlError } from '../../../src/control/api.js';
import { connect, NoDirectorError, type RemoteControl } from '../../../src/control/client.js';
import { serveControl, type ControlServer } from '../../../src/control/server.js';
import {
  MASQ,
  MemoryControl,
  ROUND_ROBIN,
  SERVER,
  temporaryFolder,
  WEB,
} from './memory-control.js';

describe('control client', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  let director: MemoryControl;
  let server: ControlServer;
  let control: RemoteControl;

  beforeEach(async () => {
    folder = temporaryFolder();
    path = join(folder.path, 'control.sock');
    director = new MemoryControl();
    server = await serveControl({ path, control: director });
    control = await connect(path);
  });

  afterEach(async () => {
    control.close();
    await server.close();
    folder.remove();
  });

  it('has room for ten thousand servers in the place of ten thousand others', async () => {
    let number = 0;
    director.apply = async (changes) => void (number = changes.length);
    const service = { ...WEB, address: '200.100.200.100', port: 65_535 };
    const settings = { ...MASQ, weight: 65_535, upperThreshold: 1e9, lowerThreshold: 1e9 };
    const servers = Array.from({ length: 10_000 }, (_, i) => ({
      ...SERVER,
      address: `200.100.${100 + (i >> 8)}.${i & 255}`,
    }));
    await control.apply([
      ...servers.map((gone) => ({ change: 'deleteDestination' as const, service, key: gone })),
      ...servers.map((come) => ({
        change: 'addDestination' as const,
        service,
        key: come,
        settings,
      })),
    ]);
    assert.equal(number, 20_000);
  });

  it('carries every call there and back', async () => {
    assert.deepEqual(await control.info(), await director.info());
    assert.equal(await control.addService(WEB, ROUND_ROBIN), undefined);
    await control.addDestination(WEB, SERVER, MASQ);
    assert.deepEqual(await control.services(), await director.services());
    assert.deepEqual(await control.service(WEB), await director.service(WEB));
    await control.editService(WEB, { ...ROUND_ROBIN, scheduler: 'wlc' });
    await control.editDestination(WEB, SERVER, { ...MASQ, weight: 0 });
    assert.equal((await director.service(WEB)).scheduler, 'wlc');
    assert.equal((await director.service(WEB)).destinations[0].weight, 0);
    await control.apply([
      { change: 'editService', key: WEB, settings: ROUND_ROBIN },
      { change: 'editDestination', service: WEB, key: SERVER, settings: MASQ },
    ]);
    assert.equal((await director.service(WEB)).scheduler, 'rr');
    assert.equal((await director.service(WEB)).destinations[0].weight, 1);
    await control.deleteDestination(WEB, SERVER);
    assert.deepEqual((await director.service(WEB)).destinations, []);
    await control.zero();
    await control.zero(WEB);
    await control.deleteService(WEB);
    assert.deepEqual(director.calls.slice(1), [
      'zero',
      'zero tcp 10.1.0.100:80',
      'deleteService tcp 10.1.0.100:80',
    ]);
    await control.setTimeouts({ tcpSeconds: 1, tcpFinSeconds: 2, udpSeconds: 3 });
    assert.deepEqual(await control.timeouts(), await director.timeouts());
    await control.setSetting('expire_nodest_conn', 1);
    assert.deepEqual(await control.settings(), { expire_nodest_conn: 1 });
    assert.deepEqual(await control.counters(), await director.counters());
    assert.deepEqual(await control.daemons(), []);
    await control.addService(WEB, ROUND_ROBIN);
    await control.flush();
    assert.deepEqual(await control.services(), []);
  });

  it('rejects with the ControlError the director gave', async () => {
    for (const [call, errno] of [
      [() => control.service(WEB), 'ESRCH'],
      [() => control.setSetting('colour', 1), 'ENOENT'],
      [() => control.stopDaemon('master'), 'ESRCH'],
      [() => control.service({ ...WEB, port: -1 }), 'EINVAL'],
    ] as const) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof ControlError);
        assert.equal(error.errno, errno);
        return true;
      });
    }
    assert.deepEqual(await control.info(), await director.info());
  });

  it('keeps calls made at once in their order', async () => {
    const outcomes = await Promise.allSettled([
      control.addService(WEB, ROUND_ROBIN),
      control.addService(WEB, ROUND_ROBIN),
      control.deleteService(WEB),
      control.deleteService(WEB),
      control.info(),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    );
  });

  it('lists more services than fit in a batch, in order', async () => {
    for (let port = 1; port <= 200; port++) {
      await director.addService({ ...WEB, port }, ROUND_ROBIN);
    }
    const ports = (await control.services()).map((service) => service.port);
    assert.deepEqual(
      ports,
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
  });

  it('streams a million connections', async () => {
    director.connectionCount = 1_000_000;
    let rows = 0;
    let last = '';
    for await (const batch of control.connections()) {
      rows += batch.length;
      last = batch[batch.length - 1].clientAddress;
    }
    assert.equal(rows, 1_000_000);
    assert.equal(last, '10.15.66.63');
  });

  it('can be asked other things while a listing waits for its reader', async () => {
    director.connectionCount = 100_000;
    let rows = 0;
    for await (const batch of control.connections()) {
      rows += batch.length;
      await control.info();
    }
    assert.equal(rows, 100_000);
  });

  it('lets go of a listing that is left', async () => {
    director.connectionCount = 1_000_000;
    for await (const batch of control.connections()) {
      assert.equal(batch.length, 1000);
      break;
    }
    await director.listingEnded;
    assert.ok(director.batchesGiven < 1000);
  });

  it('rejects what is under way, and what comes later, when the director goes away', async () => {
    director.info = () => new Promise(() => {});
    const pending = assert.rejects(control.info(), NoDirectorError);
    const later = assert.rejects(control.timeouts(), NoDirectorError);
    await server.close();
    await pending;
    await later;
    await assert.rejects(control.timeouts(), /went away/);
    await assert.rejects(control.services(), NoDirectorError);
  });
});

describe('control client without a director', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  let impostor: Server | undefined;

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, 'control.sock');
  });
  afterEach(() => {
    impostor?.close();
    impostor = undefined;
    folder.remove();
  });

  async function none(message: RegExp): Promise<void> {
    await assert.rejects(connect(path), (error) => {
      assert.ok(error instanceof NoDirectorError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }

  async function listenAs(greeting: string): Promise<void> {
    impostor = createServer((socket) => socket.end(greeting));
    await once(impostor.listen(path), 'listening');
  }

  it('says so where there is no socket', () => none(/^No director at .*control\.sock$/));

  it('says so where nobody listens', async () => {
    writeFileSync(path, '');
    await none(/nobody listens there/);
  });

  it('says so where the path can’t be a socket’s', async () => {
    path = join(folder.path, 'x'.repeat(200));
    await none(/at most 107/);
  });

  it('recognises something that isn’t a director', async () => {
    await listenAs('220 mail.example.org ESMTP\r\n');
    await none(/is not a uvs director/);
  });

  it('recognises JSON that isn’t a greeting', async () => {
    await listenAs('{"hello":1}\n');
    await none(/is not a uvs director/);
  });

  it('recognises a director that hangs up', async () => {
    await listenAs('');
    await none(/went away/);
  });

  it('refuses a director of another version', async () => {
    await listenAs('{"uvs":"control","version":2}\n');
    await none(/version 2 .* version 1: use the commands that came with the director/);
  });

  it('takes no answer to a question it didn’t ask', async () => {
    await listenAs('{"uvs":"control","version":1}\n{"id":2,"result":{}}\n');
    const control = await connect(path);
    await assert.rejects(control.info(), /answered out of turn/);
  });

  it('passes on a refusal instead of a greeting', async () => {
    await listenAs('{"id":null,"error":{"errno":"ENOMEM","message":"256 clients"}}\n');
    await assert.rejects(connect(path), ControlError);
  });
});
