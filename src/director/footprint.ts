/**
 * What a director leaves on the host when it is killed, written down in its state directory while it runs:
 * the next one, or `uvsd --cleanup`, puts it right. (nf_tables tables are found by their name.)
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const NAME = 'footprint.json';
const OWNER_ONLY = 0o600;

const footprintSchema = z.object({
  /** Kernel settings that were changed, and what they were. */
  sysctls: z.record(z.string(), z.string()),
  /** Path of the control socket. */
  socket: z.string(),
  /** Where files as those of /proc/net/ip_vs are kept, null for nowhere. */
  procfsDir: z.string().nullable().default(null),
});

export type Footprint = z.infer<typeof footprintSchema>;

/** Null where there is none, or none that makes sense. */
export function readFootprint(directory: string): Footprint | null {
  try {
    return footprintSchema.parse(JSON.parse(readFileSync(join(directory, NAME), 'utf8')));
  } catch {
    return null;
  }
}

export function writeFootprint(directory: string, footprint: Footprint): void {
  const file = join(directory, NAME);
  writeFileSync(`${file}.new`, `${JSON.stringify(footprint)}\n`, { mode: OWNER_ONLY });
  renameSync(`${file}.new`, file);
}

export function removeFootprint(directory: string): void {
  rmSync(join(directory, NAME), { force: true });
}
