/**
 * Waiting for descriptors without the event loop, which stands still meanwhile.
 *
 *     struct pollfd:  int fd 4, short events 2, short revents 2
 */
import { poll, POLLIN } from './libc.js';

const POLLFD_BYTES = 8;
const REVENTS = 6;
const NOBODY = -1;

export class Waiter {
  private entries = new DataView(new ArrayBuffer(0));
  private bytes = new Uint8Array(0);
  private count = 0;

  /** @param interruptFd a descriptor that ends the waiting; -1 for none */
  constructor(private readonly interruptFd = NOBODY) {}

  setDescriptors(fds: readonly number[]): void {
    const all = [this.interruptFd, ...fds];
    this.count = all.length;
    this.bytes = new Uint8Array(all.length * POLLFD_BYTES);
    this.entries = new DataView(this.bytes.buffer);
    for (const [i, fd] of all.entries()) {
      // The kernel passes over negative ones.
      this.entries.setInt32(i * POLLFD_BYTES, fd, true);
      this.entries.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    }
  }

  /** True as soon as one of the descriptors is readable; false after `timeoutMs`, or when interrupted. */
  wait(timeoutMs: number): boolean {
    return (
      poll(this.bytes, this.count, timeoutMs) > 0 && this.entries.getInt16(REVENTS, true) === 0
    );
  }
}
