/**
 * A file mapped into memory: what is written there outlives the process, and other processes see it.
 *
 * The file may be larger than what it has memory for. Writing where there is none ends the process with SIGBUS
 * if the file system is full, so whoever writes asks `back` before. A mapping is never given back: views of it
 * may be anywhere.
 */
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { fallocate, MAP_SHARED, mmap, PROT_READ, PROT_WRITE, viewMemory } from './libc.js';

const OWNER_ONLY = 0o600;

export class MappedFile {
  private constructor(
    readonly buffer: ArrayBuffer,
    private readonly fd: number,
  ) {}

  /** Opens or makes a file and gives it this length. Throws what the file system says, or SysError. */
  static open(path: string, length: number): MappedFile {
    const fd = openSync(path, 'a+', OWNER_ONLY);
    try {
      // Opened for appending, since that makes what isn't there; a mapping doesn't mind.
      ftruncateSync(fd, length);
      const address = mmap(null, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
      return new MappedFile(viewMemory(address, length), fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Makes sure of the memory of the first `bytes`; false where the file system has no room for them. */
  back(bytes: number): boolean {
    return fallocate(this.fd, bytes) >= 0;
  }

  /** A file of another process, to look at only: writing there ends this process. */
  static view(path: string): ArrayBuffer {
    const fd = openSync(path, 'r');
    try {
      const length = fstatSync(fd).size;
      return viewMemory(mmap(null, length, PROT_READ, MAP_SHARED, fd), length);
    } finally {
      closeSync(fd);
    }
  }
}
