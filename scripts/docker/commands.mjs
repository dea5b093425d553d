/** Commands, run to their end with their output kept. */
import { spawn } from 'node:child_process';

/** Resolves to { ok, output }. */
export function run(command, args, { env = {}, cwd } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}

/** Runs a command that must succeed; resolves to its output. */
export async function mustRun(command, args, options) {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Error(`${command} ${args.join(' ')} failed:\n${output.trim()}`);
  return output;
}

/** The builder without BuildKit is the one that every engine has. */
const BUILDER = { DOCKER_BUILDKIT: '0' };

export function docker(args) {
  return run('docker', args, { env: BUILDER });
}

export function mustDocker(args) {
  return mustRun('docker', args, { env: BUILDER });
}
