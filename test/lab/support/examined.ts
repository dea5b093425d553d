/** `uvs doctor` on a director's host, and what it finds. */
import assert from 'node:assert/strict';
import type { Host } from '../../../lab/host.js';
import type { Level } from '../../../src/tools/doctor/findings.js';
import { reportSchema, type Report } from '../../../src/tools/doctor/report.js';
import type { Breakage } from './breakages.js';

const EXIT_OF: Record<Level, number> = { ok: 0, note: 0, unchecked: 1, warning: 3, error: 4 };

export type Finding = Report['checks'][number]['findings'][number] & { check: string };

export interface Examination {
  exit: number | null;
  report: Report;
  /** All that isn't as it should be. */
  found: Finding[];
}

/** Runs `uvs doctor --json WORDS`, behind the words of another command where there are any. */
export async function examine(
  host: Host,
  words: readonly string[] = [],
  before: readonly string[] = [],
): Promise<Examination> {
  const [command, ...rest] = [...before, 'uvs', 'doctor', '--json', ...words];
  const { exit, stdout, stderr } = await host.run(command, rest);
  assert.equal(stderr, '');
  const report = reportSchema.parse(JSON.parse(stdout));
  const found = report.checks.flatMap(({ name, findings }) =>
    findings.filter(({ level }) => level !== 'ok').map((one) => ({ check: name, ...one })),
  );
  return { exit, report, found };
}

/** The words that run what follows them with files of its own in the place of those in /proc/net. */
export function withProcNet(files: Readonly<Record<string, string>>): string[] {
  const script = [
    'mount -t tmpfs none /mnt && mkdir /mnt/stat',
    'cp /proc/net/tcp /proc/net/tcp6 /proc/net/dev /mnt',
    ...Object.entries(files).map(([name, text]) => `printf '${text}' > /mnt/${name}`),
    // It stays the same process.
    'mount --bind /mnt /proc/$$/net && exec "$@"',
  ].join(' && ');
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
}

/** Exactly this, and the exit status that goes with it. */
export function assertFound(
  result: Examination,
  expected: Pick<Breakage, 'check' | 'level' | 'text'>,
): Finding {
  const { check, level = 'error', text } = expected;
  const found = result.found.map((one) => `${one.check}: ${one.level}`);
  assert.deepEqual(found, [`${check}: ${level}`], JSON.stringify(result.found, null, 1));
  const [finding] = result.found;
  assert.match(finding.text, text);
  assert.equal(result.exit, EXIT_OF[level]);
  assert.equal(result.report.level, level);
  return finding;
}

export function assertHealthy({ found, exit }: Examination): void {
  assert.deepEqual(found, []);
  assert.equal(exit, 0);
}
