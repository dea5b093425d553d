/** Reading files of the user's, with an explanation where that can't be. */
import { readFileSync, statSync } from 'node:fs';

const PERMISSION_BITS = 0o7777;

/** The file's text. Throws an error whose message says what is wrong and what to do. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EACCES' ? deniedReason(file) : message;
    throw new Error(reason, { cause: error });
  }
}

/** uvsd gives up root's power over files, so being root explains nothing. */
function deniedReason(file: string): string {
  const uid = process.geteuid?.() ?? 0;
  const advice = `chown ${uid} or chmod a+r is the remedy`;
  try {
    const { uid: owner, mode } = statSync(file);
    const bits = (mode & PERMISSION_BITS).toString(8).padStart(4, '0');
    return `it belongs to user ${owner}, mode ${bits}, and user ${uid} may not read it: ${advice}`;
  } catch {
    return `user ${uid} may not look into one of the directories above it: ${advice}`;
  }
}
