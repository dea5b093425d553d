import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { ControlError } from '../../../src/control/api.js';
import {
  HttpServerError,
  probeAddress,
  serveHttp,
  type HttpHandler,
  type HttpServer,
} from '../../../src/observe/http-server.js';

const HOST = '127.0.0.1';
const MEGABYTE = 1 << 20;

describe('the HTTP server', () => {
  let faults: unknown[];
  let server: HttpServer;
  let routes: Map<string, HttpHandler>;

  beforeEach(async () => {
    faults = [];
    routes = new Map<string, HttpHandler>([
      ['/metrics', () => ({ contentType: 'text/plain', body: 'uvs_up 1\n' })],
    ]);
    server = await serve();
  });
  afterEach(() => server.close());

  function serve(clientsMax = 8): Promise<HttpServer> {
    return serveHttp({
      address: { host: HOST, port: 0 },
      routes,
      onFault: (error) => faults.push(error),
      clientsMax,
    });
  }

  async function ask(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<{ response: IncomingMessage; body: string }> {
    const { body = '', ...others } = options;
    const sent = request({ host: HOST, port: server.address.port, path, agent: false, ...others });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { response, body: await text(response) };
  }

  async function connected(): Promise<Socket> {
    const socket = connect(server.address.port, HOST);
    await once(socket, 'connect');
    return socket;
  }

  /** What comes back for these bytes until the server hangs up. */
  async function answerTo(bytes: string): Promise<string> {
    const socket = await connected();
    socket.write(bytes);
    return text(socket);
  }

  it('answers by path, with and without a query, and says what paths there are', async () => {
    const { response, body } = await ask('/metrics?x=1');
    assert.deepEqual([response.statusCode, body], [200, 'uvs_up 1\n']);
    assert.equal(response.headers['content-type'], 'text/plain');
    assert.equal(response.headers['x-content-type-options'], 'nosniff');
    const missing = await ask('/nothing');
    assert.deepEqual([missing.response.statusCode, missing.body], [404, 'there are /metrics\n']);
  });

  it('gives the head alone where it is asked for that', async () => {
    const { response, body } = await ask('/metrics', { method: 'HEAD' });
    assert.deepEqual([response.statusCode, body], [200, '']);
    assert.equal(response.headers['content-length'], '9');
  });

  it('takes nothing but questions', async () => {
    const post = await ask('/metrics', { method: 'POST', body: 'x' });
    assert.equal(post.response.statusCode, 405);
    assert.equal(post.response.headers['allow'], 'GET, HEAD');
    const body = await ask('/metrics', { body: 'x', headers: { 'content-length': '1' } });
    assert.equal(body.response.statusCode, 413);
    assert.equal((await ask('/metrics')).response.statusCode, 200);
  });

  it('answers to its own name only, so that no foreign page can read it', async () => {
    for (const host of ['localhost', 'localhost:9110', '127.0.0.1:9110', '[::1]:9110']) {
      const { response } = await ask('/metrics', { headers: { host } });
      assert.equal(response.statusCode, 200, host);
    }
    const { response } = await ask('/metrics', { headers: { host: 'rebound.example.org' } });
    assert.equal(response.statusCode, 421);
  });

  it('hands over a long answer as fast as it is taken, and not faster', async () => {
    const piece = 'x'.repeat(MEGABYTE);
    let made = 0;
    routes.set('/long', () => ({
      contentType: 'text/plain',
      body: (async function* () {
        for (; made < 64; made++) yield piece;
      })(),
    }));
    const socket = await connected();
    socket.pause();
    socket.write('GET /long HTTP/1.0\r\n\r\n');
    await ask('/metrics');
    await ask('/metrics');
    assert.ok(made < 64, `${made} MB were made`);
    socket.resume();
    const answer = await text(socket);
    assert.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, 64 * MEGABYTE);
  });

  it('ends an answer without an end when the client goes, or when the director does', async () => {
    const ended: string[] = [];
    const told = new EventEmitter();
    routes.set('/events', ({ signal, url }) => ({
      contentType: 'text/event-stream',
      body: (async function* () {
        yield 'data: 1\n\n';
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        ended.push(url.search);
        told.emit('end');
      })(),
    }));
    const socket = await connected();
    socket.write('GET /events?leaves HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    const left = once(told, 'end');
    socket.destroy();
    await left;
    const other = await connected();
    other.write('GET /events?stays HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(other, 'data');
    const closed = once(other, 'close');
    await server.close();
    await closed;
    assert.deepEqual(ended, ['?leaves', '?stays']);
  });

  it('tells of its own faults, and goes on', async () => {
    routes.set('/faulty', () => {
      throw new Error('planted');
    });
    routes.set('/starting', () => {
      throw new ControlError('EIO', 'the data plane is not up yet');
    });
    assert.equal((await ask('/faulty')).response.statusCode, 500);
    assert.deepEqual(faults.map(String), ['Error: planted']);
    const { response, body } = await ask('/starting');
    assert.deepEqual([response.statusCode, body], [503, 'the data plane is not up yet\n']);
    assert.equal(faults.length, 1);
    assert.equal((await ask('/metrics')).response.statusCode, 200);
  });

  it('outlives what isn’t HTTP, too much of it, and half of it', async () => {
    assert.match(await answerTo('nonsense\r\n\r\n'), /^HTTP\/1.1 400 /);
    assert.match(await answerTo(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), / 431 /);
    assert.match(await answerTo('GET http://[ HTTP/1.0\r\n\r\n'), / 400 /);
    const half = await connected();
    half.write('GET /metr');
    half.destroy();
    assert.equal((await ask('/metrics')).response.statusCode, 200);
    assert.deepEqual(faults, []);
  });

  it('serves so many clients and hangs up on the next', async () => {
    await server.close();
    server = await serve(2);
    const sockets = [await connected(), await connected()];
    assert.equal(await answerTo('GET /metrics HTTP/1.0\r\n\r\n'), '');
    for (const socket of sockets) socket.destroy();
    // Until the server has noticed that they have gone.
    let answer = '';
    while (answer === '') answer = await answerTo('GET /metrics HTTP/1.0\r\n\r\n');
    assert.match(answer, /uvs_up 1/);
  });

  it('says why it can’t listen, and what to do', async () => {
    const other = createServer().listen(0, HOST);
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const options = { routes, onFault: () => {} };
    await assert.rejects(serveHttp({ ...options, address: { host: HOST, port } }), (error) => {
      assert.ok(error instanceof HttpServerError);
      assert.equal(
        error.message,
        `can't listen at 127.0.0.1:${port}: another program does; \`ss -ltnp 'sport = :${port}'\` names it`,
      );
      return true;
    });
    await assert.rejects(probeAddress({ host: HOST, port }), HttpServerError);
    other.close();
    await once(other, 'close');
    await probeAddress({ host: HOST, port });
    await assert.rejects(
      serveHttp({ ...options, address: { host: '192.0.2.1', port: 9110 } }),
      /can't listen at 192\.0\.2\.1:9110: that is no address of this host/,
    );
  });
});
