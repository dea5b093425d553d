import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOf, mmap } from '../../../dataplane/sys/libc.js';
import { AddressSpace, PAGE_BYTES, wholePages } from '../../../dataplane/sys/memory.js';

describe('address space', () => {
  let space: AddressSpace;
  beforeEach(() => {
    space = new AddressSpace(8 * PAGE_BYTES);
  });
  afterEach(() => space.close());

  it('puts mappings one behind the other, in whole pages, under one array', () => {
    assert.equal(space.placeAnonymous(PAGE_BYTES + 1), 0);
    assert.equal(space.placeAnonymous(1), 2 * PAGE_BYTES);
    space.bytes[0] = 7;
    space.bytes[3 * PAGE_BYTES - 1] = 9;
    assert.deepEqual([space.bytes[0], space.bytes[2 * PAGE_BYTES]], [7, 0]);
    assert.equal(addressOf(space.bytes), space.address);
  });

  it('shares the memory of a descriptor', () => {
    const folder = mkdtempSync(join(tmpdir(), 'uvs-memory-'));
    const path = join(folder, 'file');
    writeFileSync(path, Buffer.alloc(2 * PAGE_BYTES, 1));
    const fd = openSync(path, 'r+');
    const offset = space.place(fd, 2 * PAGE_BYTES);
    assert.equal(space.bytes[offset + PAGE_BYTES], 1);
    space.bytes[offset] = 42;
    assert.equal(readFileSync(path)[0], 42);
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  it('refuses what has no room', () => {
    space.placeAnonymous(7 * PAGE_BYTES);
    assert.throws(() => space.placeAnonymous(PAGE_BYTES + 1), /don't fit/);
    space.placeAnonymous(PAGE_BYTES);
    assert.throws(() => space.placeAnonymous(1), RangeError);
  });

  it('is at most 4 GB, so that offsets stay uint32', () => {
    assert.throws(() => new AddressSpace(0x1_0000_0001), /at most 4 GB/);
  });

  it('counts in whole pages', () => {
    assert.deepEqual([0, 1, 4096, 4097].map(wholePages), [0, 4096, 4096, 8192]);
  });

  it('says why nothing can be mapped', () => {
    assert.throws(() => mmap(null, PAGE_BYTES, 1, 1, -1), { call: 'mmap', code: 'EBADF' });
  });
});
