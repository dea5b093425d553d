/** Files that a director which was killed has left to be taken for its successor's. */
import { closeSync, constants, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BEGINNINGS } from './formats.js';
import { draftOf } from './kept-file.js';
import { folderIn } from './writer.js';

/** Neither a link is followed nor a pipe waited for: both are somebody else's. */
const TO_LOOK = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Removes what a `ProcfsWriter` has left in a directory, and nothing that it can't have written. Returns the paths of
 * what was removed; what can't be read isn't.
 */
export function removeLeftFiles(directory: string): string[] {
  const removed: string[] = [];
  for (const [name, beginning] of Object.entries(BEGINNINGS)) {
    const path = join(folderIn(directory), name);
    for (const file of [path, draftOf(path)]) {
      const found = beginningOf(file, beginning.length);
      // It may have been killed before the draft's first piece.
      if (found !== beginning && !(found === '' && file !== path)) continue;
      rmSync(file);
      removed.push(file);
    }
  }
  return removed;
}

/** Of a regular file, null where there is none that can be read. */
function beginningOf(path: string, length: number): string | null {
  let fd;
  try {
    fd = openSync(path, TO_LOOK);
  } catch {
    return null;
  }
  try {
    if (!fstatSync(fd).isFile()) return null;
    const buffer = Buffer.alloc(length);
    return buffer.toString('latin1', 0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}
