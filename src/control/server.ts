/**
 * The director's end of the control socket: a UNIX stream socket that only its owner and root can open.
 * Nothing a client sends, and no way in which it goes away, may disturb the director: whatever can't be
 * understood is answered with an error that says why.
 */
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ControlError, type Control, type Errno } from './api.js';
import { calls } from './calls.js';
import { readLines } from './lines.js';
import { socketPathProblem } from './path.js';
import { encode, PROTOCOL_VERSION, REQUEST_MAX_BYTES, type Reply } from './protocol.js';
import { describeIssues, paramSchemas, requestSchema, type MethodName } from './schemas.js';

/** Clients at once; the next one is told so and closed. */
const CLIENTS_MAX = 256;
/** How long answers may take to go out once the director ends. */
const CLOSE_GRACE_MS = 500;
/** Leaves mode 0600. */
const UMASK_OWNER_ONLY = 0o177;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

export interface ServeOptions {
  path: string;
  control: Control;
  /** Told of failures that are the director's own fault; the client gets EIO. */
  onFault?: (error: unknown) => void;
  clientsMax?: number;
  /** Who has connected, by the socket's descriptor: others than root and our own user are refused. */
  peerOf?: (fd: number) => Peer;
  /** What a client speaks to, where each has one of its own; `control` for all of them by default. */
  controlFor?: (peer: Peer) => Control;
}

/** The process at the other end. */
export interface Peer {
  pid: number;
  uid: number;
}

export interface ControlServer {
  readonly path: string;
  /** Stops listening, removes the socket, lets answers under way go out and hangs up. */
  close(): Promise<void>;
}

/** The socket can't be set up; the message says why and what to do. */
export class ControlSocketError extends Error {
  override name = 'ControlSocketError';
}

/** Listens at `path`. Rejects with ControlSocketError. A socket that nobody listens at is replaced. */
export async function serveControl(options: ServeOptions): Promise<ControlServer> {
  const { path } = options;
  checkPlace(path);
  await removeStaleSocket(path);

  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // A write to a client that has gone; its 'close' follows, and that ends the work for it.
    socket.on('error', () => {});
    const peer = peerAt(socket, options);
    const error = refusalFor(peer, clients.size, options);
    if (error !== null) {
      socket.end(encode({ id: null, error }), () => socket.destroy());
      return;
    }
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveClient(socket, { ...options, control: controlOf(peer, options) }).catch(
      (error: unknown) => {
        options.onFault?.(error);
        socket.destroy();
      },
    );
  });
  await listen(server, path);

  return {
    path,
    close: () =>
      new Promise((resolve) => {
        const patience = setTimeout(() => {
          for (const socket of clients) socket.destroy();
        }, CLOSE_GRACE_MS);
        server.close(() => {
          clearTimeout(patience);
          resolve();
        });
        for (const socket of clients) socket.destroySoon();
      }),
  };
}

async function listen(server: Server, path: string): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new ControlSocketError(`can't listen at ${path}: ${error.message}`));
    });
    server.once('listening', resolve);
    // The socket's file is made by listen() itself, and for no moment may others open it.
    const umask = process.umask(UMASK_OWNER_ONLY);
    try {
      server.listen(path);
    } finally {
      process.umask(umask);
    }
  });
  await listening;
}

/**
 * Throws ControlSocketError where a socket at `path` couldn't be kept to its owner: the folder decides who could
 * put another one in its place.
 */
export function checkPlace(path: string): void {
  const problem = socketPathProblem(path);
  if (problem !== null) throw new ControlSocketError(`control socket ${path} ${problem}`);
  const folder = dirname(path);
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) {
    throw new ControlSocketError(`can't listen at ${path}: there is no directory ${folder}`);
  }
  const uid = process.getuid?.() ?? 0;
  if (stat.uid !== 0 && stat.uid !== uid) {
    throw new ControlSocketError(
      `won't listen at ${path}: ${folder} belongs to user ${stat.uid}, who could replace the socket`,
    );
  }
  if ((stat.mode & GROUP_OR_OTHERS_WRITE) !== 0 && (stat.mode & STICKY) === 0) {
    throw new ControlSocketError(
      `won't listen at ${path}: others may write to ${folder} and could replace the socket; chmod go-w ${folder}`,
    );
  }
}

function peerAt(socket: Socket, { peerOf }: ServeOptions): Peer | undefined {
  // Node has no name of its own for a socket's descriptor.
  const { _handle: handle } = socket as { _handle?: { fd?: number } };
  return handle?.fd === undefined ? undefined : peerOf?.(handle.fd);
}

function controlOf(peer: Peer | undefined, { control, controlFor }: ServeOptions): Control {
  return peer === undefined ? control : (controlFor?.(peer) ?? control);
}

/** Why a client isn't served, null where it is. */
function refusalFor(
  peer: Peer | undefined,
  clients: number,
  { clientsMax = CLIENTS_MAX }: ServeOptions,
): { errno: Errno; message: string } | null {
  const uid = peer?.uid;
  if (uid !== undefined && uid !== 0 && uid !== process.getuid?.()) {
    const message = `permission denied: user ${uid} is neither root nor the director's own user`;
    return { errno: 'EPERM', message };
  }
  if (clients < clientsMax) return null;
  return { errno: 'ENOMEM', message: `${clients} clients are connected, no more are served` };
}

async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new ControlSocketError(`won't replace ${path}: it is there and isn't a socket`);
  }
  if (await someoneListens(path)) {
    throw new ControlSocketError(`can't listen at ${path}: another process does`);
  }
  unlinkSync(path);
}

function someoneListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function serveClient(socket: Socket, options: ServeOptions): Promise<void> {
  await send(socket, encode({ uvs: 'control', version: PROTOCOL_VERSION }));
  // A client may shut down its sending side after the last request and still wants the answer.
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    for await (const line of readLines(chunks, REQUEST_MAX_BYTES)) {
      if ('tooLong' in line) {
        const message = `a request has at most ${REQUEST_MAX_BYTES} bytes`;
        await send(socket, encode(refusal(null, 'EMSGSIZE', message)));
      } else if (line.text.trim() !== '') {
        await answer(socket, line.text, options);
      }
    }
    socket.end();
  } catch (error) {
    // Reading and writing fail when the client goes away; anything else is our fault.
    if (!socket.destroyed) throw error;
  }
}

/** Answers one request. */
async function answer(socket: Socket, line: string, options: ServeOptions): Promise<void> {
  let id: number | null = null;
  try {
    const request = requestSchema.safeParse(parseJson(line));
    if (!request.success) throw invalid(`not a request: ${describeIssues(request.error)}`);
    id = request.data.id;
    const { method, params = {} } = request.data;
    if (!isMethod(method)) throw invalid(`there is no method ${JSON.stringify(method)}`);
    const outcome = call(options.control, method, params);
    if (Symbol.asyncIterator in outcome) await sendBatches(socket, id, outcome);
    else await send(socket, encode({ id, result: (await outcome) ?? null }));
  } catch (error) {
    if (socket.destroyed) return;
    if (!(error instanceof ControlError)) options.onFault?.(error);
    const errno = error instanceof ControlError ? error.errno : 'EIO';
    await send(socket, encode(refusal(id, errno, messageOf(error))));
  }
}

function call(
  control: Control,
  method: MethodName,
  params: unknown,
): Promise<unknown> | AsyncIterable<unknown[]> {
  const checked = paramSchemas[method].safeParse(params);
  if (!checked.success) throw invalid(`${method}: ${describeIssues(checked.error)}`);
  // The table's type ties each call to its schema; TypeScript can't follow it through the union.
  const perform = calls[method] as (control: Control, params: unknown) => ReturnType<typeof call>;
  return perform(control, checked.data);
}

/** Writes batch by batch, each once the reader has taken the one before. */
async function sendBatches(
  socket: Socket,
  id: number,
  batches: AsyncIterable<unknown[]>,
): Promise<void> {
  for await (const batch of batches) {
    await send(socket, encode({ id, batch }));
    if (socket.destroyed) return;
    // Packets have their turn between two batches, however fast the reader is.
    await nextTurn();
  }
  await send(socket, encode({ id, result: null }));
}

/** Resolves when the socket has room again, or is closed. */
function send(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed || socket.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`not JSON: ${messageOf(error)}`);
  }
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(paramSchemas, name);
}

function invalid(message: string): ControlError {
  return new ControlError('EINVAL', message);
}

function refusal(id: number | null, errno: Errno, message: string): Reply {
  return { id, error: { errno, message } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
