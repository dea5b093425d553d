/**
 * Going on as the program that is installed now: the director's process stays what it is for whoever started it,
 * and only its program changes. The data plane is left at work, and the new program takes over from it as it
 * would after a crash.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { reap } from '../../dataplane/sys/libc.js';
import { ControlError } from '../control/api.js';
import { beginAnew, ownArguments } from './program.js';

/** Process numbers of the children that the program before this one has left, with commas between them. */
const CHILDREN = 'UVS_CHILDREN';
/** For `uvsd --check`: the director that is at work isn't in the way. */
export const SUCCESSOR_OF = 'UVS_SUCCESSOR_OF';
const CHECK_TIMEOUT_MS = 20_000;
const REAP_MS = 500;

/**
 * Finds out whether the installed program could start as this one was started; resolves to its version. Rejects
 * with ControlError that says why it couldn't.
 */
export async function checkSuccessor(): Promise<string> {
  try {
    await run('--check');
    const { stdout } = await run('--version');
    return stdout.trim().split(' ').at(-1) ?? '';
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const reason = stderr.trim().replace(/\s*\n\s*/g, '; ') || message;
    throw new ControlError('EINVAL', `the installed uvsd could not start: ${reason}`);
  }
}

/** Becomes the installed program; `children` go on and are its children then. Throws where that fails. */
export function becomeSuccessor(children: readonly number[]): never {
  process.env[CHILDREN] = children.join(',');
  beginAnew();
}

/** Children that the program before this one has left: their ends are taken note of as they come. */
export function adoptChildren(): void {
  let children = (process.env[CHILDREN] ?? '').split(',').filter(Boolean).map(Number);
  delete process.env[CHILDREN];
  if (children.length === 0) return;
  const timer = setInterval(() => {
    children = children.filter((pid) => reap(pid) === 0);
    if (children.length === 0) clearInterval(timer);
  }, REAP_MS);
  timer.unref();
}

function run(action: string): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [...ownArguments(), action], {
    timeout: CHECK_TIMEOUT_MS,
    env: { ...process.env, [SUCCESSOR_OF]: String(process.pid) },
  });
}
