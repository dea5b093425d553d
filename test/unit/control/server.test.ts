import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { REQUEST_MAX_BYTES } from '../../../src/control/protocol.js';
import {
  ControlSocketError,
  serveControl,
  type ControlServer,
} from '../../../src/control/server.js';
import {
  MASQ,
  MemoryControl,
  ROUND_ROBIN,
  SERVER,
  temporaryFolder,
  WEB,
} from './memory-control.js';
import { RawClient } from './raw-client.js';

describe('control server', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  let control: MemoryControl;
  let faults: unknown[];
  let server: ControlServer;
  let client: RawClient;

  beforeEach(async () => {
    folder = temporaryFolder();
    path = join(folder.path, 'control.sock');
    control = new MemoryControl();
    faults = [];
    server = await serveControl({ path, control, onFault: (error) => faults.push(error) });
    client = await RawClient.open(path);
    assert.deepEqual(await client.message(), { uvs: 'control', version: 1 });
  });

  afterEach(async () => {
    client.close();
    await server.close();
    folder.remove();
    assert.deepEqual(faults, []);
  });

  async function ask(line: string): Promise<any> {
    client.send(`${line}\n`);
    return client.message();
  }

  const INFO = '{"id":7,"method":"info"}';
  const INFO_REPLY = { id: 7, result: { version: '1.2.1', connectionTableSize: 4096 } };

  it('answers a request with its id', async () => {
    assert.deepEqual(await ask(INFO), INFO_REPLY);
  });

  it('answers requests in their order, also if they come in one piece', async () => {
    client.send(
      '{"id":1,"method":"info"}\n{"id":2,"method":"connections"}\n{"id":3,"method":"flush"}\n',
    );
    const ids = [await client.message(), await client.message(), await client.message()];
    assert.deepEqual(
      ids.map((reply) => reply.id),
      [1, 2, 3],
    );
  });

  it('passes a refusal on as errno and message', async () => {
    const reply = await ask(JSON.stringify({ id: 1, method: 'service', params: { key: WEB } }));
    assert.deepEqual(reply, { id: 1, error: { errno: 'ESRCH', message: 'No such service' } });
  });

  it('answers a failure of the director with EIO and reports it', async () => {
    const failure = new TypeError('a bug');
    control.info = () => Promise.reject(failure);
    assert.deepEqual(await ask(INFO), { id: 7, error: { errno: 'EIO', message: 'a bug' } });
    assert.deepEqual(faults.splice(0), [failure]);
  });

  it('survives a failure in the middle of a listing', async () => {
    control.connections = async function* () {
      yield [];
      throw new Error('half way');
    };
    assert.deepEqual(await ask('{"id":1,"method":"connections"}'), { id: 1, batch: [] });
    assert.equal((await client.message()).error.errno, 'EIO');
    assert.equal(faults.splice(0).length, 1);
    assert.deepEqual(await ask(INFO), INFO_REPLY);
  });

  for (const [what, line, id, message] of [
    ['no JSON', '{"id":1', null, /^not JSON: /],
    ['no object', '[1,2]', null, /^not a request: .*expected object/],
    ['no id', '{"method":"info"}', null, /^not a request: id: /],
    ['no method', '{"id":1}', null, /^not a request: method: /],
    ['a field of its own', '{"id":1,"method":"info","more":1}', null, /^not a request: .*"more"/],
    ['an unknown method', '{"id":1,"method":"reboot"}', 1, /^there is no method "reboot"$/],
    ['a name every object has', '{"id":1,"method":"toString"}', 1, /^there is no method/],
    ['a prototype', '{"id":1,"method":"__proto__"}', 1, /^there is no method/],
    ['no parameters', '{"id":1,"method":"service"}', 1, /^service: key: /],
    ['parameters of the wrong kind', '{"id":1,"method":"info","params":3}', 1, /^info: /],
    [
      'a wrong field deep inside',
      JSON.stringify({
        id: 1,
        method: 'addDestination',
        params: { service: WEB, key: SERVER, settings: { ...MASQ, tunnel: { type: 'l2tp' } } },
      }),
      1,
      /^addDestination: settings\.tunnel\.type: .*"gue"/,
    ],
    ['a deep nest', '['.repeat(30_000), null, /^not JSON: /],
  ] as const) {
    it(`refuses ${what} with EINVAL, says why, and goes on`, async () => {
      const reply = await ask(line);
      assert.equal(reply.id, id);
      assert.equal(reply.error.errno, 'EINVAL');
      assert.match(reply.error.message, message);
      assert.deepEqual(await ask(INFO), INFO_REPLY);
    });
  }

  it('refuses bytes that are not UTF-8', async () => {
    client.socket.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
    assert.equal((await client.message()).error.errno, 'EINVAL');
  });

  it('passes over empty lines', async () => {
    client.send('\n  \r\n');
    assert.deepEqual(await ask(INFO), INFO_REPLY);
  });

  it('refuses too large a request with EMSGSIZE before it has ended, and goes on', async () => {
    client.send('x'.repeat(REQUEST_MAX_BYTES + 1));
    const reply = await client.message();
    assert.equal(reply.id, null);
    assert.equal(reply.error.errno, 'EMSGSIZE');
    client.send('x'.repeat(REQUEST_MAX_BYTES));
    client.send('\n');
    assert.deepEqual(await ask(INFO), INFO_REPLY);
  });

  it('takes a request as large as the limit', async () => {
    assert.deepEqual(await ask(INFO.padEnd(REQUEST_MAX_BYTES)), INFO_REPLY);
  });

  it('answers a client that has shut down its sending side', async () => {
    control.connectionCount = 5000;
    client.socket.end('{"id":1,"method":"connections"}\n{"id":7,"method":"info"}');
    const rows = [];
    for (;;) {
      const reply = await client.message();
      if (!('batch' in reply)) break;
      rows.push(...reply.batch);
    }
    assert.equal(rows.length, 5000);
    assert.deepEqual(await client.message(), INFO_REPLY);
    assert.equal(await client.message(), null);
  });

  it('makes batches only as fast as the reader takes them', async () => {
    control.connectionCount = 1_000_000;
    client.socket.pause();
    client.send('{"id":1,"method":"connections"}\n');
    const other = await RawClient.open(path);
    await other.message();
    // Each of these requests is answered in a later turn of the event loop than the one before it.
    for (let i = 0; i < 1000; i++) {
      other.send(`${INFO}\n`);
      assert.deepEqual(await other.message(), INFO_REPLY);
    }
    other.close();
    assert.ok(control.batchesGiven > 0);
    assert.ok(control.batchesGiven < 20, `${control.batchesGiven} batches`);
  });

  it('lets packets have their turn between two batches', async () => {
    let turn = 0;
    const turns = new Set<number>();
    control.connections = async function* () {
      for (let i = 0; i < 50; i++) {
        turns.add(turn);
        setImmediate(() => turn++);
        yield [];
      }
    };
    client.send('{"id":1,"method":"connections"}\n');
    let reply = await client.message();
    while ('batch' in reply) reply = await client.message();
    assert.equal(turns.size, 50);
  });

  it('ends a listing whose reader goes away', async () => {
    control.connectionCount = 1_000_000;
    assert.equal((await ask('{"id":1,"method":"connections"}')).id, 1);
    client.close();
    await control.listingEnded;
    assert.ok(control.batchesGiven < 1000, `${control.batchesGiven} batches`);
  });

  it('serves a hundred clients at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const each = await RawClient.open(path);
        await each.message();
        each.send(
          `${JSON.stringify({
            id: number,
            method: 'addService',
            params: { key: { ...WEB, port: 1000 + number }, settings: ROUND_ROBIN },
          })}\n`,
        );
        const reply = await each.message();
        each.close();
        return reply;
      }),
    );
    assert.deepEqual(
      replies,
      Array.from({ length: 100 }, (_, id) => ({ id, result: null })),
    );
    assert.equal(control.entries.size, 100);
  });

  it('is open to its owner alone', () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('removes the socket and hangs up when it closes', async () => {
    await server.close();
    assert.equal(existsSync(path), false);
    assert.equal(await client.message(), null);
  });

  it('closes although a client doesn’t read', async () => {
    control.connectionCount = 1_000_000;
    client.socket.pause();
    client.send('{"id":1,"method":"connections"}\n');
    await once(client.socket, 'readable');
    await server.close();
    await control.listingEnded;
  });
});

describe('control server, limits', () => {
  it('tells a client too many so', async () => {
    const folder = temporaryFolder();
    const path = join(folder.path, 's');
    const server = await serveControl({ path, control: new MemoryControl(), clientsMax: 1 });
    const first = await RawClient.open(path);
    assert.equal((await first.message()).version, 1);
    const second = await RawClient.open(path);
    const { error } = await second.message();
    assert.deepEqual(error, {
      errno: 'ENOMEM',
      message: '1 clients are connected, no more are served',
    });
    first.close();
    second.close();
    await server.close();
    folder.remove();
  });
});

describe('control server, whom it serves', () => {
  let folder: ReturnType<typeof temporaryFolder>;

  beforeEach(() => (folder = temporaryFolder()));
  afterEach(() => folder.remove());

  async function firstMessageTo(user: number): Promise<any> {
    const path = join(folder.path, 's');
    const server = await serveControl({
      path,
      control: new MemoryControl(),
      peerOf: () => ({ uid: user, pid: 1 }),
    });
    const client = await RawClient.open(path);
    const message = await client.message();
    client.close();
    await server.close();
    return message;
  }

  it('serves root and its own user', async () => {
    assert.equal((await firstMessageTo(0)).uvs, 'control');
    assert.equal((await firstMessageTo(process.getuid?.() ?? 0)).uvs, 'control');
  });

  it('tells anybody else that it does not', async () => {
    const message = "permission denied: user 4711 is neither root nor the director's own user";
    assert.deepEqual(await firstMessageTo(4711), { id: null, error: { errno: 'EPERM', message } });
  });
});

describe('control socket, its place', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  const serve = (): Promise<ControlServer> => serveControl({ path, control: new MemoryControl() });

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, 'control.sock');
  });
  afterEach(() => folder.remove());

  async function refused(message: RegExp): Promise<void> {
    await assert.rejects(serve(), (error) => {
      assert.ok(error instanceof ControlSocketError);
      assert.match(error.message, message);
      return true;
    });
  }

  it('replaces a socket that nobody listens at', async () => {
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    // As a killed process would, this one leaves its socket: under another name while it closes.
    linkSync(path, `${path}.kept`);
    dead.close();
    await once(dead, 'close');
    renameSync(`${path}.kept`, path);
    assert.ok(statSync(path).isSocket());
    await (await serve()).close();
  });

  it('leaves a socket alone that another process listens at', async () => {
    const server = await serve();
    await refused(/another process does/);
    assert.ok(existsSync(path));
    await server.close();
  });

  it('leaves a file alone that is no socket', async () => {
    writeFileSync(path, 'precious');
    await refused(/isn't a socket/);
  });

  it('refuses a folder that isn’t there', async () => {
    path = join(folder.path, 'missing', 'control.sock');
    await refused(/there is no directory .*missing$/);
  });

  it('refuses a folder that others may write to', async () => {
    const open = join(folder.path, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    path = join(open, 'control.sock');
    await refused(/others may write to .*open/);
    chmodSync(open, 0o1777);
    await (await serve()).close();
  });

  it('refuses a path too long for a UNIX socket', async () => {
    path = join(folder.path, 'x'.repeat(108));
    await refused(/at most 107/);
  });
});
