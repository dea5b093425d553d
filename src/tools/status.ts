/** `uvs status`: how full a running director is, what it has dropped and why. */
import { complain, parseWords, withDirector, type CommandOptions } from './command.js';
import { EXIT_OK } from './exit-codes.js';
import { statusText } from './status/text.js';

const USAGE = `Usage: uvs status [--json]

Shows how full the tables of the running director are, what its interfaces received and sent, which packets
were dropped, by reason, with what that means and what to do, and which defences against overload are in
effect. The director is the one at $UVS_SOCKET, or the one that was started without options.

  --json          prints all of it as a JSON object

Exit status: 0; 1 if there is no director; 2 if the command line is wrong.
`;

/** Runs `uvs status ARGV`; resolves to the exit status. */
export async function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr } = options;
  try {
    const { values } = parseWords({
      args: argv,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      stdout.write(USAGE);
      return EXIT_OK;
    }
    const counters = await withDirector(options, (control) => control.counters());
    stdout.write(values.json ? `${JSON.stringify(counters, null, 1)}\n` : statusText(counters));
    return EXIT_OK;
  } catch (error) {
    return complain('status', error, stderr);
  }
}
