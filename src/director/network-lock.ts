/**
 * One director a network namespace, whatever its state directory: two would answer the same packets and undo
 * each other's interception. The lock is a listening socket of the abstract kind, which belongs to the
 * namespace, has no file and ends with its process. Whoever connects is told who holds it.
 */
import { connect, createServer } from 'node:net';
import { DirectorRunningError } from './lock.js';

const NAME = '\0uvs-director';
/** A director at work answers at once, on a busy host later; one that is stuck remains nameless. */
const ANSWER_TIMEOUT_MS = 5000;

export interface NetworkLock {
  release(): Promise<void>;
}

/** Rejects with DirectorRunningError where another director is in this network namespace. */
export async function lockNetwork(name = NAME): Promise<NetworkLock> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${process.pid}\n`);
  });
  const inUse = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen(name, () => resolve(false));
  });
  if (inUse) throw new DirectorRunningError('this network', (await directorOfNetwork(name)) ?? 0);
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Process number of the director in this network namespace: 0 where it doesn't say, null where there is none. */
export async function directorOfNetwork(name = NAME): Promise<number | null> {
  return new Promise((resolve) => {
    let text = '';
    let isThere = true;
    const socket = connect(name);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (isThere = code !== 'ECONNREFUSED'));
    socket.on('close', () => resolve(isThere ? Number.parseInt(text, 10) || 0 : null));
  });
}
