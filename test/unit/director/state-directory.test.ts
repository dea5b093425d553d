import assert from 'node:assert/strict';
import { mkdirSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { join } from 'node:path';
import { roomForTables } from '../../../src/director/state-directory.js';
import { temporaryFolder } from '../control/memory-control.js';

const CAPACITY = { connections: 1_000_000, services: 16, destinations: 16 };

describe('room for the tables', () => {
  let folder: ReturnType<typeof temporaryFolder>;

  beforeEach(() => (folder = temporaryFolder()));
  afterEach(() => folder.remove());

  it('is 64 bytes a connection, and a little for the rest', () => {
    const { neededBytes } = roomForTables(join(folder.path, 'unmade'), CAPACITY);
    assert.ok(neededBytes > 64e6 && neededBytes < 65e6, String(neededBytes));
  });

  it('is looked for where the tables are, and what they have already counts', () => {
    const tables = join(folder.path, 'elsewhere');
    mkdirSync(tables);
    symlinkSync(tables, join(folder.path, 'tables'));
    const ownBytes = 1 << 24;
    writeFileSync(join(tables, 'connections'), Buffer.alloc(ownBytes, 1));
    const { directory, availableBytes } = roomForTables(folder.path, CAPACITY);
    assert.equal(directory, join(folder.path, 'tables'));
    const { bavail, bsize } = statfsSync(tables);
    // Others write to the same file system meanwhile.
    assert.ok(Math.abs(availableBytes - bavail * bsize - ownBytes) < ownBytes / 2);
  });
});
