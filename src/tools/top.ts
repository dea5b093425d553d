/** `uvs top`: what a running director does, on a terminal, again and again. */
import { connect } from '../control/client.js';
import { socketPath } from '../control/path.js';
import { parseWords, runTool, UsageError, withDirector, type CommandOptions } from './command.js';
import { EXIT_OK } from './exit-codes.js';
import { plainText } from './top/screen.js';
import { Session } from './top/session.js';
import { FIRST_VIEW } from './top/view.js';

const INTERVAL_MIN_SECONDS = 0.1;
const INTERVAL_MAX_SECONDS = 3600;

const USAGE = `Usage: uvs top [--interval S] [--once] [--json]

Shows what the running director does, again and again: services and real servers with their rates and
connections, the connections' states, how full the table is and what is dropped. h tells the keys: rows can
be sorted, filtered, scrolled and held. Where standard output is no terminal one plain table is printed.
The director is the one at $UVS_SOCKET, or the one that was started without options.

  --interval S    looks every S seconds, from 0.1 to 3600; 1 by default, and a director looks at itself once
                  a second at most
  --once          prints one plain table and ends
  --json          prints all of it as a JSON object and ends

Where the environment has NO_COLOR there are no colours. Exit status: 0; 1 if there is no director; 2 if the
command line is wrong.
`;

interface Wish {
  intervalMs: number;
  once: boolean;
  json: boolean;
}

/** Runs `uvs top ARGV`; resolves to the exit status. */
export function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const perform = (wish: Wish): Promise<number> => show(wish, options);
  return runTool({ name: 'top', usage: USAGE, read: readWords, perform }, argv, options);
}

function readWords(argv: string[]): Wish | 'help' {
  const { values } = parseWords({
    args: argv,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      interval: { type: 'string', default: '1' },
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { help, interval, once, json } = values;
  return help ? 'help' : { intervalMs: readInterval(interval), once, json };
}

async function show({ intervalMs, once, json }: Wish, options: CommandOptions): Promise<number> {
  const { stdout = process.stdout } = options;
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY && options.stdout === undefined;
  if (isTerminal && !once && !json) {
    await new Session({
      open: options.open ?? (() => connect(socketPath())),
      intervalMs,
      isColoured: (process.env['NO_COLOR'] ?? '') === '',
      input: process.stdin,
      output: process.stdout,
    }).run();
    return EXIT_OK;
  }
  const snapshot = await withDirector(options, (control) => control.snapshot());
  const scene = { snapshot, previous: null, problem: null, mode: '' };
  stdout.write(json ? `${JSON.stringify(snapshot, null, 1)}\n` : plainText(scene, FIRST_VIEW));
  return EXIT_OK;
}

function readInterval(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (seconds >= INTERVAL_MIN_SECONDS && seconds <= INTERVAL_MAX_SECONDS) return seconds * 1000;
  const range = `${INTERVAL_MIN_SECONDS} to ${INTERVAL_MAX_SECONDS}`;
  throw new UsageError(`--interval must be a number of seconds from ${range}, not '${text}'`);
}
