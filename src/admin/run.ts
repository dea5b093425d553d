/** Runs a command line, as `ipvsadm` would. */
import { ControlError, type Control } from '../control/api.js';
import { execute } from './execute.js';
import { AdminError, noCommand, refused } from './failure.js';
import { helpText, versionLine } from './help.js';
import type { Names } from './names.js';
import type { Output } from './output.js';
import { leadingCommand, parse, type Words } from './parse.js';
import type { Request } from './request.js';
import { commandLines, withoutComments, type Input } from './restore.js';

export interface Context {
  readonly control: Control;
  readonly names: Names;
  readonly stdout: Output;
  readonly stderr: Output;
  /** As the user called it, for messages and the help text. */
  readonly programName: string;
  /** Of this package. */
  readonly version: string;
}

/**
 * Runs one command line; without words it lists everything.
 *
 * @param input standard input, read by `-R` only
 * @returns the exit status: 0, 1 (nothing to list), 2 (wrong command line) or 255 (refused)
 */
export async function runCommand(words: Words, input: Input, context: Context): Promise<number> {
  const { exitCode } = await runLine(words.length === 0 ? ['-L'] : words, input, context);
  return exitCode;
}

/** Answers `-h` and `-v`, which need no director; null for any other command line. */
export function information(
  words: Words,
  { programName, version }: Pick<Context, 'programName' | 'version'>,
): string | null {
  if (words.length === 0) return null;
  switch (leadingCommand(words, programName)) {
    case 'help':
      return versionLine(version) + helpText(programName);
    case 'version':
      return versionLine(version);
    default:
      return null;
  }
}

/** `uvsadm-save [-n]`: `-S`, with its own idea of options. */
export async function runSave(words: Words, context: Context): Promise<number> {
  if (words.some((word) => word.startsWith('-') && word !== '-n')) {
    await context.stderr.write(
      `${context.programName}: Script to save the IPVS table to stdout.\n` +
        '   With the -n option, prints out the table in numeric format.\n',
    );
    return 1;
  }
  return runCommand(words.includes('-n') ? ['-S', '-n'] : ['-S'], '', forCommand(context));
}

/** `uvsadm-restore`: the input, without comments, takes the place of what there is. */
export async function runRestore(input: Input, context: Context): Promise<number> {
  const text = await withoutComments(input);
  await runCommand(['-C'], '', forCommand(context));
  return runCommand(['-R'], text, forCommand(context));
}

/** What the command behind `uvsadm-save` and `uvsadm-restore` runs in: messages name that command. */
function forCommand(context: Context): Context {
  return { ...context, programName: context.programName.replace(/-(save|restore)$/, '') };
}

interface Outcome {
  exitCode: number;
  /** Ends a whole `-R`. */
  endsRestore: boolean;
}

/** @param input null for a line of `-R`, which can't read standard input itself */
async function runLine(words: Words, input: Input | null, context: Context): Promise<Outcome> {
  const { programName, names, stdout, stderr } = context;
  try {
    const text = information(words, context);
    if (text !== null) {
      await stdout.write(text);
      return { exitCode: 0, endsRestore: true };
    }
    const request = await parse(words, programName, names);
    if (request.command !== 'restore') {
      await carryOut(request, context);
      return { exitCode: 0, endsRestore: false };
    }
    if (input === null) throw noCommand(programName);
    return { exitCode: await restore(input, context), endsRestore: true };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    await stderr.write(`${error.message}\n`);
    return error;
  }
}

/** Runs line after line until one ends the run. Resolves to the last line's exit status. */
async function restore(input: Input, context: Context): Promise<number> {
  let exitCode = 0;
  for await (const words of commandLines(input)) {
    const outcome = await runLine(words, null, context);
    exitCode = outcome.exitCode;
    if (outcome.endsRestore) break;
  }
  return exitCode;
}

async function carryOut(request: Request, context: Context): Promise<void> {
  try {
    await execute(request, context.control, context.names, context.stdout);
  } catch (error) {
    throw error instanceof ControlError ? refused(request.command, error) : error;
  }
}
