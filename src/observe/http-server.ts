/**
 * What the director shows over HTTP: answers by path, read only. Nothing a client sends, and no way in which it
 * goes away, reads slowly or not at all, may disturb the director: requests are small, without a body, and done
 * with in seconds, and there are only so many clients.
 *
 * A page of somebody else's that is open in a browser on this host can send requests here. Where the server listens
 * to this host only, it answers those alone whose Host names it by an address or as localhost, so that such a page
 * can't read the answers under a name of its own.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { ControlError } from '../control/api.js';
import { isLoopback, listenAddressText, type ListenAddress } from './listen-address.js';

/** Connections at once; the next one is closed without an answer. */
const CLIENTS_MAX = 64;
const HEADER_BYTES_MAX = 8192;
const HEADERS_MAX = 64;
/** From the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 5000;
/** Between two requests of a connection: longer than the usual pause between two scrapes. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** A client that takes nothing of its answer for so long is gone. */
const WRITE_PATIENCE_MS = 10_000;
/** A connection on which nothing moves for so long, in the middle of an answer, is closed. */
const SILENCE_MAX_MS = 30_000;
/** How long answers may take to go out once the director ends. */
const CLOSE_GRACE_MS = 500;

const TEXT = 'text/plain; charset=utf-8';

export interface HttpRequest {
  url: URL;
  headers: IncomingMessage['headers'];
  /** Aborted when the client goes away or the server ends. */
  signal: AbortSignal;
}

export interface HttpAnswer {
  /** 200 by default. */
  status?: number;
  contentType: string;
  headers?: Record<string, string>;
  /**
   * All of it, or piece by piece: the next piece is asked for when the client has taken those before. An answer
   * that has no end, as server-sent events have none, ends by the request's signal, and says something at least
   * every 30 seconds.
   */
  body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** Answers requests for one path. ControlError becomes a 503; any other error a 500, and is told to `onFault`. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

export interface HttpServerOptions {
  address: ListenAddress;
  /** Handlers by path: "/metrics". */
  routes: ReadonlyMap<string, HttpHandler>;
  /** Told of failures of handlers. */
  onFault: (error: unknown) => void;
  clientsMax?: number;
}

/** The server can't be set up; the message says why and what to do. */
export class HttpServerError extends Error {
  override name = 'HttpServerError';
}

export interface HttpServer {
  readonly address: ListenAddress;
  /** Stops listening, lets answers under way go out for a moment and hangs up. */
  close(): Promise<void>;
}

/** Listens at an address. Rejects with HttpServerError. */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const ending = new AbortController();
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (request, response) => void answer(request, response, options, ending.signal),
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.timeout = SILENCE_MAX_MS;
  server.maxConnections = options.clientsMax ?? CLIENTS_MAX;
  server.on('clientError', refuseGarbled);
  await listen(server, options.address);
  const { port } = server.address() as { port: number };
  return {
    address: { ...options.address, port },
    close: () => close(server, ending),
  };
}

/** Rejects with HttpServerError where nobody could listen at the address now. */
export async function probeAddress(address: ListenAddress): Promise<void> {
  const server = createServer();
  await listen(server, address);
  server.close();
}

async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    server.listen({ host: address.host, port: address.port });
    await once(server, 'listening');
  } catch (error) {
    throw new HttpServerError(listenProblem(address, error as NodeJS.ErrnoException));
  }
}

function listenProblem(address: ListenAddress, error: NodeJS.ErrnoException): string {
  const where = `can't listen at ${listenAddressText(address)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: another program does; \`ss -ltnp 'sport = :${address.port}'\` names it`;
    case 'EADDRNOTAVAIL':
      return `${where}: that is no address of this host`;
    case 'EACCES':
      return `${where}: ports below 1024 take a capability that uvsd gives up; choose a higher one`;
    default:
      return `${where}: ${error.message}`;
  }
}

async function close(server: Server, ending: AbortController): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  ending.abort();
  const patience = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(patience);
}

/** What isn't HTTP, or is too much or too slow of it. */
function refuseGarbled(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_ERROR[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
}

const STATUS_OF_ERROR: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers one request; never rejects. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  ending: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.on('error', () => gone.abort());
  response.on('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, ending]);
  try {
    const ready = await answerOf(request, options, signal);
    await send(request, response, ready, gone.signal);
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof ControlError)) options.onFault(error);
    if (response.headersSent) response.destroy();
    else await send(request, response, failure(error), gone.signal);
  } finally {
    if (ending.aborted) request.socket.destroySoon();
  }
}

async function answerOf(
  request: IncomingMessage,
  { address, routes }: HttpServerOptions,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...problem(405, 'only GET and HEAD'), headers: { Allow: 'GET, HEAD' } };
  }
  if ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined) {
    return problem(413, 'a request has no body here');
  }
  if (isLoopback(address) && !isOwnName(headers.host)) {
    return problem(421, 'asked under a name that is not this host');
  }
  const url = urlOf(request);
  if (url === null) return problem(400, 'not a path');
  const handler = routes.get(url.pathname);
  if (handler === undefined) {
    return problem(404, `there are ${[...routes.keys()].join(', ')}`);
  }
  return handler({ url, headers, signal });
}

function urlOf(request: IncomingMessage): URL | null {
  const path = request.url ?? '';
  return path.startsWith('/') && URL.canParse(`http://director${path}`)
    ? new URL(`http://director${path}`)
    : null;
}

/** A request of HTTP/1.0 need not say whom it asks. */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isIP(name) !== 0;
}

function failure(error: unknown): HttpAnswer {
  if (error instanceof ControlError) return problem(503, error.message);
  return problem(500, 'the director failed to answer; its log says why');
}

function problem(status: number, text: string): HttpAnswer {
  return { status, contentType: TEXT, body: `${text}\n` };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  ready: HttpAnswer,
  gone: AbortSignal,
): Promise<void> {
  const { status = 200, contentType, headers = {}, body } = ready;
  // A request with a body that nobody reads leaves the connection in no state to go on with.
  if (status === 413 || status === 405) response.setHeader('Connection', 'close');
  const isWhole = typeof body === 'string' || body instanceof Uint8Array;
  response.writeHead(status, {
    'Content-Type': contentType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    ...(isWhole ? { 'Content-Length': Buffer.byteLength(body) } : {}),
    ...headers,
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  if (isWhole) {
    await write(response, body, gone);
  } else {
    for await (const piece of body) {
      if (gone.aborted) return;
      await write(response, piece, gone);
    }
  }
  response.end();
}

/** Resolves when the client has taken enough for more, or is gone; one that takes nothing is hung up on. */
async function write(
  response: ServerResponse,
  piece: string | Uint8Array,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted || response.write(piece)) return;
  const patience = setTimeout(() => response.destroy(), WRITE_PATIENCE_MS);
  await once(response, 'drain', { signal: gone }).catch(() => {});
  clearTimeout(patience);
}
