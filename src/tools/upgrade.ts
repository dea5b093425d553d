/** `uvs upgrade`: has a running director go on as the program that is installed now, without losing a connection. */
import { setTimeout as pause } from 'node:timers/promises';
import { NoDirectorError } from '../control/client.js';
import { parseWords, runTool, UsageError, withDirector, type CommandOptions } from './command.js';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.js';

const USAGE = `Usage: uvs upgrade

The director checks whether the installed uvsd could start with its options. If so it goes on as that program, in
the same process: rules and connections stay, packets are moved all the while. If not, nothing changes. Ends
when the new program answers. The director is the one at $UVS_SOCKET, or the one that was started without options.

Exit status: 0 done; 1 if there is no director, or the installed program can't start; 2 if the command line is wrong.
`;

const LOOK_MS = 20;
/** Starting takes a second on a slow machine, with a full table some more. */
const PATIENCE_MS = 30_000;

/** Runs `uvs upgrade ARGV`; resolves to the exit status. */
export function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const perform = (): Promise<number> => upgrade(options);
  return runTool({ name: 'upgrade', usage: USAGE, read: readWords, perform }, argv, options);
}

function readWords(argv: string[]): 'upgrade' | 'help' {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) return 'help';
  if (positionals.length > 0) throw new UsageError(`there is nothing to add to it`);
  return 'upgrade';
}

async function upgrade(options: CommandOptions): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr } = options;
  const version = await withDirector(options, async (control) => {
    const answer = await control.upgrade();
    await waitFor(async () => !(await answers(() => control.info())));
    return answer.version;
  });
  if (await waitFor(() => answers(() => withDirector(options, (control) => control.info())))) {
    stdout.write(`uvsd is version ${version} now\n`);
    return EXIT_OK;
  }
  stderr.write('uvs upgrade: the new director does not answer, see the log of uvsd\n');
  return EXIT_FAILURE;
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (error instanceof NoDirectorError) return false;
    throw error;
  }
}

/** Resolves to false where patience came to an end. */
async function waitFor(isSo: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await pause(LOOK_MS);
  }
  return true;
}
