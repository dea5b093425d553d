/**
 * Waiting in Node's event loop until a descriptor can be read: no thread, no timer, no cost while idle.
 */
import { SO_ERROR, SOL_SOCKET, getsockopt, pollReadable, type PollHandle } from './libc.js';

// libuv's handle is closed when its JavaScript object is collected, so those in use are held on to.
const open = new Set<Readable>();

export interface Readable {
  /** Ends the waiting. Must come before the descriptor is closed; a second call does nothing. */
  stop(): void;
}

/**
 * Calls `onReadable` from the event loop as long as `fd` is readable, once a turn of the loop. Where the
 * socket has an error pending (netlink: ENOBUFS, messages were lost; AF_PACKET: ENETDOWN), `errno` is that
 * error and waiting goes on; otherwise it is 0. Sets the descriptor to O_NONBLOCK.
 */
export function waitReadable(fd: number, onReadable: (errno: number) => void): Readable {
  let handle: PollHandle | null = null;

  function onReady(status: number): void {
    let errno = 0;
    if (status < 0) {
      // A pending error makes libuv stop the handle. Fetching the error clears it; then we start again.
      errno = takeError(fd);
      handle?.restart();
    }
    try {
      onReadable(errno);
    } catch (error) {
      // Thrown from here it would surface in whatever native call comes next.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  const readable: Readable = {
    stop() {
      handle?.close();
      handle = null;
      open.delete(readable);
    },
  };
  handle = pollReadable(fd, onReady);
  open.add(readable);
  return readable;
}

/** Fetches and clears a socket's pending error; 0 if there is none. */
function takeError(fd: number): number {
  const value = new Int32Array(1);
  const result = getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer));
  return result < 0 ? -result : value[0];
}
