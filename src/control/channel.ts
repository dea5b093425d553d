/** One connection to a director: opened, greeted, messages out and messages in. */
import { connect as connectSocket, type Socket } from 'node:net';
import { ControlError, type Errno } from './api.js';
import { readLines } from './lines.js';
import { socketPathProblem } from './path.js';
import { encode, PROTOCOL_VERSION, type Greeting, type Reply } from './protocol.js';
import type { MethodName, Params } from './schemas.js';

/** A director at work greets within microseconds; one that doesn't within this time is stuck. */
const GREETING_TIMEOUT_MS = 5_000;
/** Far more than any batch comes to. */
const REPLY_MAX_BYTES = 64 * 1024 * 1024;

/** No director at the socket, one that doesn't answer or went away, or one of another version. */
export class NoDirectorError extends Error {
  override name = 'NoDirectorError';
}

export class Channel {
  private nextId = 1;

  private constructor(
    readonly path: string,
    private readonly socket: Socket,
    private readonly messages: AsyncGenerator<unknown, void>,
  ) {}

  /** Rejects with NoDirectorError, or with ControlError where the director or the system refuses. */
  static async open(path: string): Promise<Channel> {
    const socket = await openSocket(path);
    const channel = new Channel(path, socket, readMessages(path, socket));
    const silence = setTimeout(() => {
      socket.destroy(new NoDirectorError(`the director at ${path} does not answer`));
    }, GREETING_TIMEOUT_MS);
    try {
      checkGreeting(path, await channel.receive());
      return channel;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(silence);
    }
  }

  /** Sends a request and returns its id. */
  send<M extends MethodName>(method: M, params: Params<M>): number {
    const id = this.nextId++;
    this.socket.write(encode({ id, method, params }));
    return id;
  }

  /** The director's next message. Rejects with NoDirectorError when it has hung up. */
  async receive(): Promise<unknown> {
    const next = await this.messages.next();
    if (next.done !== true) return next.value;
    throw new NoDirectorError(`the director at ${this.path} went away`);
  }

  /** The next message as the reply to request `id`. Rejects with ControlError where it is a refusal. */
  async reply(id: number): Promise<Exclude<Reply, { error: unknown }>> {
    const reply = (await this.receive()) as Reply;
    if ('error' in reply) throw refusalOf(reply);
    if (reply.id === id) return reply;
    this.close();
    throw new NoDirectorError(`the director at ${this.path} answered out of turn`);
  }

  close(): void {
    this.socket.destroy();
  }
}

async function openSocket(path: string): Promise<Socket> {
  const problem = socketPathProblem(path);
  if (problem !== null) throw new NoDirectorError(`control socket '${path}' ${problem}`);
  const socket = connectSocket(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) => reject(connectError(path, error)));
  });
  // From here on an error also ends the reading, and is reported there.
  socket.on('error', () => {});
  return socket;
}

function connectError(path: string, error: NodeJS.ErrnoException): Error {
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return new ControlError(
        'EPERM',
        `permission denied: only root and its owner may open ${path}`,
      );
    case 'ENOENT':
      return new NoDirectorError(`No director at ${path}`);
    case 'ECONNREFUSED':
      return new NoDirectorError(`No director at ${path}: nobody listens there`);
    default:
      return new NoDirectorError(`No director at ${path}: ${error.message}`);
  }
}

async function* readMessages(path: string, socket: Socket): AsyncGenerator<unknown, void> {
  try {
    for await (const line of readLines(socket as AsyncIterable<Buffer>, REPLY_MAX_BYTES)) {
      if ('tooLong' in line) throw new NoDirectorError(`too long an answer from ${path}`);
      yield parseMessage(path, line.text);
    }
  } catch (error) {
    if (error instanceof NoDirectorError) throw error;
    throw new NoDirectorError(`the director at ${path} went away: ${(error as Error).message}`);
  }
}

function parseMessage(path: string, text: string): object {
  try {
    const message: unknown = JSON.parse(text);
    if (message !== null && typeof message === 'object') return message;
  } catch {
    // Falls through: no JSON is as foreign as the wrong JSON.
  }
  throw new NoDirectorError(`what listens at ${path} is not a uvs director`);
}

function checkGreeting(path: string, message: unknown): void {
  const first = message as Greeting | Extract<Reply, { error: object }>;
  if ('error' in first) throw refusalOf(first);
  if (first.uvs !== 'control') {
    throw new NoDirectorError(`what listens at ${path} is not a uvs director`);
  }
  if (first.version !== PROTOCOL_VERSION) {
    throw new NoDirectorError(
      `the director at ${path} speaks version ${first.version} of the control protocol and ` +
        `this command version ${PROTOCOL_VERSION}: use the commands that came with the director`,
    );
  }
}

function refusalOf(reply: { error: { errno: Errno; message: string } }): ControlError {
  return new ControlError(reply.error.errno, reply.error.message);
}
