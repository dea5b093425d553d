/**
 * Findings as files: the inputs, which `--repeat` runs again, and beside the first one a text that says what
 * happened and how to have it happen again.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from '../src/package.js';

export const FINDINGS = join(packageRoot(), 'fuzz', 'findings');
const NAME_DIGITS = 10;

/** Writes them and returns the command that repeats what happened. */
export function writeFinding(
  kind: string,
  inputs: readonly Uint8Array[],
  what: string,
  folder = FINDINGS,
): string {
  mkdirSync(folder, { recursive: true });
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(input);
  const name = `${kind}-${hash.digest('hex').slice(0, NAME_DIGITS)}`;
  const files = inputs.map((input, i) => {
    const file = join(folder, inputs.length === 1 ? name : `${name}-${String(i).padStart(4, '0')}`);
    writeFileSync(file, input);
    return file;
  });
  const shown =
    files.length === 1
      ? relative(process.cwd(), files[0])
      : `${relative(process.cwd(), join(folder, name))}-*`;
  const command = `npm run fuzz -- --kind ${kind} --repeat ${shown}`;
  writeFileSync(join(folder, `${name}.txt`), `${what}\n\n${command}\n`);
  return command;
}
