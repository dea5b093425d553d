/** The commands `uvsadm`, `uvsadm-save` and `uvsadm-restore` as processes: the socket, the streams, the name. */
import { once } from 'node:events';
import { basename } from 'node:path';
import { ControlError } from '../control/api.js';
import { connect, NoDirectorError, type RemoteControl } from '../control/client.js';
import { socketPath } from '../control/path.js';
import { packageVersion } from '../package.js';
import type { Output } from './output.js';
import { information, runCommand, runRestore, runSave, type Context } from './run.js';
import { SystemNames } from './system-names.js';

/** No director could be reached, or it went away; as where ipvsadm finds no ip_vs in the kernel. */
const EXIT_NO_DIRECTOR = 2;

/** Runs with a director; resolves to the exit status. */
type Run = (context: Context) => Promise<number>;

export async function uvsadm(): Promise<void> {
  const words = process.argv.slice(2);
  const text = informationOrNull(words);
  if (text !== null) {
    await standard(process.stdout).write(text);
    return;
  }
  await withDirector((context) => runCommand(words, process.stdin, context));
}

export function uvsadmSave(): Promise<void> {
  return withDirector((context) => runSave(process.argv.slice(2), context));
}

export function uvsadmRestore(): Promise<void> {
  return withDirector((context) => runRestore(process.stdin, context));
}

/** A wrong command line is told as such by the director's turn, like everything that isn't `-h` or `-v`. */
function informationOrNull(words: readonly string[]): string | null {
  try {
    return information(words, { programName: programName(), version: packageVersion() });
  } catch {
    return null;
  }
}

async function withDirector(run: Run): Promise<void> {
  const control = await connectOrComplain();
  if (control === null) return;
  try {
    process.exitCode = await run({
      control,
      names: new SystemNames(),
      stdout: standard(process.stdout),
      stderr: standard(process.stderr),
      programName: programName(),
      version: packageVersion(),
    });
  } catch (error) {
    if (!(error instanceof NoDirectorError)) throw error;
    fail(error.message);
  } finally {
    control.close();
  }
}

/** Says what is wrong, and what to do, where there is no director to talk to. */
async function connectOrComplain(): Promise<RemoteControl | null> {
  try {
    return await connect(socketPath());
  } catch (error) {
    if (!(error instanceof NoDirectorError) && !(error instanceof ControlError)) throw error;
    fail(`Can't initialize ipvs: ${error.message}`, 'Start one with uvsd, or set UVS_SOCKET');
    return null;
  }
}

function fail(...lines: string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exitCode = EXIT_NO_DIRECTOR;
}

/** The name of the link that was called (node keeps it), so that `ipvsadm` may be a link to `uvsadm`. */
function programName(): string {
  return basename(process.argv[1]).replace(/\.[jt]s$/, '');
}

/** A stream of the process. A reader that has gone away (`| head`) ends the command quietly. */
function standard(stream: NodeJS.WriteStream): Output {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    write: async (text) => {
      if (!stream.write(text)) await once(stream, 'drain');
    },
  };
}
