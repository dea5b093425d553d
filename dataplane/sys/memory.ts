/**
 * One stretch of address space into which several mappings are put, so that one Uint8Array covers them all:
 *
 *     reserve(1 GB)            |..............................................|   no access, costs nothing
 *     place(fd A, 16 MB)       |AAAAAAAA......................................|
 *     place(fd B, 16 MB)       |AAAAAAAABBBBBBBB..............................|
 *
 * A frame is then one offset, whichever ring it lies in. Touching a byte before something was placed there
 * ends the process with SIGSEGV.
 */
import {
  MADV_HUGEPAGE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  madvise,
  mmap,
  munmap,
  viewMemory,
} from './libc.js';

export const PAGE_BYTES = 4096;
const HUGE_PAGE_BYTES = 1 << 21;

/** Rounds up to whole pages. */
export function wholePages(length: number): number {
  return Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
}

/**
 * Zeroed memory of its own for a large table that is accessed all over the place: with huge pages, where the
 * host gives them, a look into a million connections takes clearly less time. Pages never touched cost
 * nothing. It is never given back. Throws SysError.
 */
export function tableMemory(length: number): ArrayBuffer {
  const span = Math.ceil(length / HUGE_PAGE_BYTES + 1) * HUGE_PAGE_BYTES;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const address = mmap(null, span, PROT_READ | PROT_WRITE, flags, -1);
  const hugePage = BigInt(HUGE_PAGE_BYTES);
  const aligned = ((address + hugePage - 1n) / hugePage) * hugePage;
  // A kernel without huge pages refuses: then it is ordinary memory.
  madvise(aligned, span - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
  return viewMemory(aligned, length);
}

export class AddressSpace {
  readonly address: bigint;
  readonly length: number;
  /** All of it. Only what has been placed may be touched. */
  readonly bytes: Uint8Array;
  private used = 0;

  /** Reserves `length` bytes, at most 4 GB so that offsets stay uint32. */
  constructor(length: number) {
    this.length = wholePages(length);
    if (this.length > 0x1_0000_0000) {
      throw new RangeError(`${length} bytes of address space asked for, at most 4 GB are possible`);
    }
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    this.address = mmap(null, this.length, PROT_NONE, flags, -1);
    this.bytes = new Uint8Array(viewMemory(this.address, this.length));
  }

  /** Maps `length` bytes of a descriptor's memory (such as packet rings), shared; returns their offset. */
  place(fd: number, length: number): number {
    return this.map(length, MAP_SHARED, fd);
  }

  /** Maps `length` bytes of fresh zeroed memory; returns their offset. */
  placeAnonymous(length: number): number {
    return this.map(length, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  }

  /** Maps a descriptor's memory over a stretch that was placed before, instead of what was there. */
  replace(offset: number, fd: number, length: number): void {
    this.mapAt(offset, wholePages(length), MAP_SHARED, fd, PROT_READ | PROT_WRITE);
  }

  /** Gives the memory of a stretch back. It stays reserved, and mustn't be touched until it is replaced. */
  vacate(offset: number, length: number): void {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    this.mapAt(offset, wholePages(length), flags, -1, PROT_NONE);
  }

  /** Unmaps everything. Views of this memory must not be touched any more. */
  close(): void {
    munmap(this.address, this.length);
  }

  private map(length: number, flags: number, fd: number): number {
    const offset = this.used;
    const bytes = wholePages(length);
    if (offset + bytes > this.length) {
      throw new RangeError(`${bytes} bytes don't fit: ${offset} of ${this.length} are in use`);
    }
    this.mapAt(offset, bytes, flags, fd, PROT_READ | PROT_WRITE);
    this.used += bytes;
    return offset;
  }

  private mapAt(
    offset: number,
    length: number,
    flags: number,
    fd: number,
    protection: number,
  ): void {
    mmap(this.address + BigInt(offset), length, protection, flags | MAP_FIXED, fd);
  }
}
