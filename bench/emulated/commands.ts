/** Commands of the host that prepare the emulated machine. */
import { spawnSync } from 'node:child_process';
import { LabError } from '../../lab/errors.js';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const SHOWN_MAX = 500;

/** Runs a command that must succeed, and returns what it prints. Throws LabError with what it said. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    ...options,
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (error !== undefined) throw new LabError(`cannot run ${command}: ${error.message}`);
  if (status === 0) return stdout;
  const said = stderr.trim().slice(-SHOWN_MAX);
  throw new LabError(`${command} ${args.slice(0, 3).join(' ')}: status ${status}: ${said}`);
}
