/** What the tools that talk to a director have in common. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ControlError, type Control } from '../control/api.js';
import { connect, NoDirectorError, type RemoteControl } from '../control/client.js';
import { socketPath } from '../control/path.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.js';

export interface TextStream {
  write(text: string): unknown;
}

/** A director within reach. */
export type OpenControl = Control & Pick<RemoteControl, 'close'>;

export interface CommandOptions {
  stdout?: TextStream;
  stderr?: TextStream;
  /** Reaches the director. */
  open?: () => Promise<OpenControl>;
}

/** The command line is wrong. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** As `parseArgs` of node:util. Throws UsageError. */
export function parseWords<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Runs `action` with the director, and hangs up after it. */
export async function withDirector<T>(
  { open = () => connect(socketPath()) }: CommandOptions,
  action: (control: OpenControl) => Promise<T>,
): Promise<T> {
  const control = await open();
  try {
    return await action(control);
  } finally {
    control.close();
  }
}

/** What is to be told on standard error, and the exit status; null where there is nothing special to say. */
export type Explained = { text: string; exitCode: number } | null;

/** One of the commands `uvs NAME`. */
export interface Tool<Wish> {
  name: string;
  usage: string;
  /** What the command line asks for. Throws UsageError. */
  read(argv: string[]): Wish | 'help' | Promise<Wish | 'help'>;
  /** Resolves to the exit status. */
  perform(wish: Wish): Promise<number>;
  /** Explains an error that this tool alone knows. */
  explain?(error: unknown): Explained | Promise<Explained>;
}

/** Runs a tool; resolves to the exit status. Errors that nobody has foreseen are thrown again. */
export async function runTool<Wish>(
  tool: Tool<Wish>,
  argv: string[],
  { stdout = process.stdout, stderr = process.stderr }: CommandOptions,
): Promise<number> {
  try {
    const wish = await tool.read(argv);
    if (wish !== 'help') return await tool.perform(wish);
    stdout.write(tool.usage);
    return EXIT_OK;
  } catch (error) {
    const explained = await tool.explain?.(error);
    if (!explained) return complain(tool.name, error, stderr);
    stderr.write(explained.text);
    return explained.exitCode;
  }
}

/** Tells what went wrong, and what to do. Resolves to the exit status; other errors are thrown again. */
function complain(tool: string, error: unknown, stderr: TextStream): number {
  if (error instanceof UsageError) {
    stderr.write(`uvs ${tool}: ${error.message}\nTry \`uvs ${tool} --help\`.\n`);
    return EXIT_USAGE;
  }
  if (error instanceof NoDirectorError) {
    stderr.write(`uvs ${tool}: ${error.message}\nStart one with uvsd, or set UVS_SOCKET\n`);
    return EXIT_FAILURE;
  }
  if (!(error instanceof ControlError)) throw error;
  stderr.write(`uvs ${tool}: ${error.message}\n`);
  return EXIT_FAILURE;
}
