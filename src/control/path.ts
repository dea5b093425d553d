/** Where the control socket is: shared by the director that listens and the commands that connect. */
import { join } from 'node:path';

export const DEFAULT_STATE_DIR = '/run/uvs';
export const SOCKET_NAME = 'control.sock';

/** A UNIX socket's path has 108 bytes in struct sockaddr_un, the last one is its NUL. */
const SOCKET_PATH_MAX_BYTES = 107;

/** The socket the commands use: $UVS_SOCKET, or the one of a director started without options. */
export function socketPath(environment: NodeJS.ProcessEnv = process.env): string {
  return environment['UVS_SOCKET'] || join(DEFAULT_STATE_DIR, SOCKET_NAME);
}

/** Says what is wrong with a socket's path, null if nothing is. Too long a path would be cut silently. */
export function socketPathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (path.includes('\0')) return 'contains a NUL byte';
  const length = Buffer.byteLength(path);
  if (length <= SOCKET_PATH_MAX_BYTES) return null;
  return `is ${length} bytes long, a UNIX socket's path has at most ${SOCKET_PATH_MAX_BYTES}`;
}
