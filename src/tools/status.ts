/** `uvs status`: how full a running director is, what it has dropped and why. */
import { parseWords, runTool, withDirector, type CommandOptions } from './command.js';
import { EXIT_OK } from './exit-codes.js';
import { statusText } from './status/text.js';

const USAGE = `Usage: uvs status [--json]

Shows how full the tables of the running director are, what its interfaces received and sent, which packets
were dropped, by reason, with what that means and what to do, and which defences against overload are in
effect. The director is the one at $UVS_SOCKET, or the one that was started without options.

  --json          prints all of it as a JSON object

Exit status: 0; 1 if there is no director; 2 if the command line is wrong.
`;

interface Wish {
  json: boolean;
}

/** Runs `uvs status ARGV`; resolves to the exit status. */
export function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const { stdout = process.stdout } = options;
  const perform = async ({ json }: Wish): Promise<number> => {
    const counters = await withDirector(options, (control) => control.counters());
    stdout.write(json ? `${JSON.stringify(counters, null, 1)}\n` : statusText(counters));
    return EXIT_OK;
  };
  return runTool({ name: 'status', usage: USAGE, read: readWords, perform }, argv, options);
}

function readWords(argv: string[]): Wish | 'help' {
  const { values } = parseWords({
    args: argv,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  return values.help ? 'help' : values;
}
