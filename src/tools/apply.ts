/** `uvs apply`: makes a running director's services and servers those of a file, changing nothing else. */
import { readFileSync } from 'node:fs';
import { ControlError, type Control } from '../control/api.js';
import { commandText, connectionsOnDeleted, countText } from '../rules/difference-text.js';
import { carryOut, isDone, makePlan, planLines, planSummary, type Plan } from '../rules/plan.js';
import { readRules, RulesError } from '../rules/rules-file.js';
import { wantedBy } from '../rules/wanted.js';
import {
  parseWords,
  runTool,
  UsageError,
  withDirector,
  type CommandOptions,
  type Explained,
} from './command.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './exit-codes.js';

const STANDARD_INPUT = 0;

const USAGE = `Usage: uvs apply [--dry-run] [--json] [--quiet] RULES

Makes the services and servers of the running director those of the file RULES (- for standard input), which
is written as \`uvsadm -S\` writes and \`uvsadm -R\` reads it. Shows what differs, then changes just that, all of it
between the same two packets, or nothing where any of it is refused:

    + added   ~ edited   - deleted

What stays is edited and never taken away, so its connections don't notice. Connections to servers that are
deleted go on to their end, unless the setting expire_nodest_conn is on.

  --dry-run       shows what differs, and changes nothing
  --json          prints a JSON object instead
  --quiet         prints nothing unless something is wrong

The director is the one at $UVS_SOCKET, or the one that was started without options.

Exit status: 0 if the director has these rules now, or nothing was to be done; 1 if there is no director or it
refuses; 2 if the command line or the rules are wrong. Nothing was changed if it isn't 0.
`;

export interface ApplyOptions extends CommandOptions {
  /** Reads all of standard input. */
  readInput?: () => string;
}

interface Wish {
  file: string;
  dryRun: boolean;
  json: boolean;
  quiet: boolean;
}

/** Runs `uvs apply ARGV`; resolves to the exit status. */
export function run(argv: string[], options: ApplyOptions = {}): Promise<number> {
  const { stdout = process.stdout } = options;
  const perform = async (wish: Wish): Promise<number> => {
    const wanted = await readWanted(wish.file, options);
    return withDirector(options, async (control) => {
      const plan = await makePlan(wanted, control);
      if (!wish.dryRun) await carryOut(plan, control);
      if (!wish.quiet) stdout.write(await report(plan, wish, control));
      return EXIT_OK;
    });
  };
  return runTool({ name: 'apply', usage: USAGE, read: readWords, perform, explain }, argv, options);
}

function readWords(argv: string[]): Wish | 'help' {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      'dry-run': { type: 'boolean', short: 'n', default: false },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  if (values.help) return 'help';
  if (positionals.length !== 1) {
    throw new UsageError(positionals.length === 0 ? 'which file of rules?' : 'one file of rules');
  }
  const { json, quiet } = values;
  return { file: positionals[0], dryRun: values['dry-run'], json, quiet };
}

function readWanted(file: string, { readInput = readStandardInput }: ApplyOptions) {
  return file === '-' ? wantedBy('standard input', readInput()) : wantedBy(file, readRules(file));
}

function readStandardInput(): string {
  return readFileSync(STANDARD_INPUT, 'utf8');
}

async function report(plan: Plan, { dryRun, json }: Wish, control: Control): Promise<string> {
  const isApplied = !dryRun && !isDone(plan);
  if (json) return `${JSON.stringify(await asJson(plan, isApplied), null, 1)}\n`;
  if (isDone(plan)) return 'nothing differs\n';
  const lines = await planLines(plan);
  lines.push(`${planSummary(plan)}${isApplied ? '' : '; not done, this is a dry run'}`);
  const connections = plan.steps.reduce((sum, step) => sum + connectionsOnDeleted(step), 0);
  if (connections > 0) lines.push(await fateText(connections, control));
  return `${lines.join('\n')}\n`;
}

async function asJson({ steps, timeouts }: Plan, applied: boolean) {
  const changes = await Promise.all(
    steps.map(async ({ change, before }) => ({
      ...change,
      command: await commandText(change),
      before,
    })),
  );
  return { applied, changes, timeouts };
}

/** What becomes of the connections on servers that are deleted. */
async function fateText(connections: number, control: Control): Promise<string> {
  const { expire_nodest_conn: dropped } = await control.settings();
  const count = countText(connections, 'connection');
  return dropped === 0
    ? `${count} to deleted servers: they go on to their end`
    : `${count} to deleted servers: expire_nodest_conn is on, they are cut off`;
}

function explain(error: unknown): Explained {
  if (error instanceof RulesError) {
    const text = `${error.message}\nuvs apply: the rules are wrong, nothing was changed\n`;
    return { text, exitCode: EXIT_USAGE };
  }
  if (!(error instanceof ControlError)) return null;
  const text = `uvs apply: ${error.message}\nuvs apply: nothing was changed\n`;
  return { text, exitCode: EXIT_FAILURE };
}
