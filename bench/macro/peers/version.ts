import { spawnSync } from 'node:child_process';

/** The first thing that looks like a version in what a command prints; '' if nothing does. */
export function versionOf(command: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)*/.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0] ?? '';
}
