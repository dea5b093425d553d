/**
 * Which data plane is at work in this network namespace: one whose director was killed goes on, and a director
 * with another state directory must not begin beside it. It is asked through a listening socket of the abstract
 * kind, which belongs to the namespace, has no file and ends with its process.
 */
import { connect, createServer } from 'node:net';

const NAME = '\0uvs-data-plane';
/** The predecessor has the name until it has ended. */
const RETRY_MS = 50;
/** A data plane at work answers at once, on a busy host later; one that is stuck remains nameless. */
const ANSWER_TIMEOUT_MS = 5000;

export interface Presence {
  pid: number;
  /** The directory of its tables. */
  tables: string;
}

/** Says from now on that the data plane with these tables is at work here. */
export function showPresence(tables: string, name = NAME): void {
  const presence: Presence = { pid: process.pid, tables };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(JSON.stringify(presence));
  });
  server.on('error', () => {
    setTimeout(() => server.listen(name), RETRY_MS).unref();
  });
  server.listen(name).unref();
}

/** The data plane at work, null where there is none that answers. */
export function presentDataPlane(name = NAME): Promise<Presence | null> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(name);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    socket.on('error', () => {});
    socket.on('close', () => {
      try {
        resolve(JSON.parse(text) as Presence);
      } catch {
        resolve(null);
      }
    });
  });
}
