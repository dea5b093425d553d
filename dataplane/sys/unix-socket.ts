/**
 * UNIX sockets as Node doesn't have them: datagrams, and who is at the other end.
 *
 *     struct sockaddr_un    family 2, path: bytes and a NUL, or a NUL and the bytes of an abstract name
 *     struct ucred          pid 4, uid 4, gid 4
 */
import { check } from './errors.js';
import {
  AF_UNIX,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  SO_PEERCRED,
  close,
  getsockopt,
  sendto,
  socket,
} from './libc.js';

const NUL = '\0';
const UCRED_BYTES = 12;

export interface Peer {
  pid: number;
  uid: number;
}

/** Bytes of a struct sockaddr_un. `path` is a file's path, or "@NAME" for an abstract name. */
export function socketAddress(path: string): Uint8Array {
  const name = path.startsWith('@') ? `${NUL}${path.slice(1)}` : `${path}${NUL}`;
  return Buffer.concat([Uint8Array.from([AF_UNIX, 0]), Buffer.from(name)]);
}

/** Sends one datagram, and doesn't wait for a receiver that is slow. Throws SysError. */
export function sendDatagram(path: string, text: string): void {
  const fd = check('socket AF_UNIX', socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const address = socketAddress(path);
    const bytes = Buffer.from(text);
    const sent = sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length);
    check(`sendto ${path}`, sent);
  } finally {
    close(fd);
  }
}

/** Who has opened the other end of a connected stream socket, as it was then. Throws SysError. */
export function peerOf(fd: number): Peer {
  const credentials = new Int32Array(UCRED_BYTES / Int32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(credentials.buffer);
  check('getsockopt SO_PEERCRED', getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes));
  const [pid, uid] = credentials;
  return { pid, uid: uid >>> 0 };
}
