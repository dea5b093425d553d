/** `uvs set`: shows and changes the settings of a running director, as `sysctl` does those of the kernel. */
import { isSettingName, SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import type { Control } from '../control/api.js';
import { parseWords, runTool, UsageError, withDirector, type CommandOptions } from './command.js';
import { EXIT_OK } from './exit-codes.js';

const USAGE = `Usage: uvs set [--json] [NAME[=VALUE]]...

Shows the settings of the running director: all of them, or those that are named. NAME=VALUE changes one at
once and until the director ends; uvsd's own option --set NAME=VALUE is there for every start. Names, values
and defaults are those of the net.ipv4.vs.* sysctls of ip_vs. The director is the one at $UVS_SOCKET, or the
one that was started without options.

  --json          prints a JSON array instead of a table

Exit status: 0 if all is as asked; 1 if there is no director or it refuses; 2 if the command line is wrong,
and then nothing was changed.
`;

/** What one word of the command line asks for; `value` null to be shown only. */
interface Wish {
  name: string;
  value: number | null;
}

interface Row {
  name: string;
  value: number;
  default: number;
  min: number;
  max: number;
  summary: string;
}

interface Wishes {
  settings: Wish[];
  json: boolean;
}

/** Runs `uvs set ARGV`; resolves to the exit status. */
export function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const { stdout = process.stdout } = options;
  const perform = async ({ settings, json }: Wishes): Promise<number> => {
    const rows = await withDirector(options, (control) => fulfil(settings, control));
    stdout.write(json ? `${JSON.stringify(rows, null, 1)}\n` : table(rows));
    return EXIT_OK;
  };
  return runTool({ name: 'set', usage: USAGE, read: readWords, perform }, argv, options);
}

function readWords(argv: string[]): Wishes | 'help' {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  return values.help ? 'help' : { settings: positionals.map(readWish), json: values.json };
}

/** Reads "NAME" or "NAME=VALUE" and checks it, so that a wrong word keeps all others from being carried out. */
function readWish(word: string): Wish {
  const [, name, text] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (!isSettingName(name)) {
    throw new UsageError(`there is no setting '${name}'; there are ${SETTING_NAMES.join(', ')}`);
  }
  if (text === undefined) return { name, value: null };
  const { min, max } = SETTINGS[name];
  const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not '${text}'`);
  }
  return { name, value };
}

/** Makes the changes in their order, then asks for the values: a mode may have taken effect at once. */
async function fulfil(
  wishes: readonly Wish[],
  control: Pick<Control, 'settings' | 'setSetting'>,
): Promise<Row[]> {
  for (const { name, value } of wishes) {
    if (value !== null) await control.setSetting(name, value);
  }
  const values = await control.settings();
  const wanted = new Set(wishes.map(({ name }) => name));
  return SETTING_NAMES.filter((name) => wanted.size === 0 || wanted.has(name)).map((name) => ({
    name,
    value: values[name],
    ...SETTINGS[name],
  }));
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.name, `${row.value}`, `${row.default}`, rangeText(row)]);
  const lines = [['NAME', 'VALUE', 'DEFAULT', 'RANGE'], ...cells];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...lines.map((line) => line[column].length)),
  );
  const explanations = ['', ...rows.map(({ summary }) => summary)];
  return lines
    .map((line, i) => {
      const [name, ...numbers] = line.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
      );
      return `${[name, ...numbers, explanations[i]].join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** The kernel gives most of its settings no range but that of their type. */
function rangeText({ min, max }: Row): string {
  return min === -0x8000_0000 && max === 0x7fff_ffff ? 'any' : `${min}..${max}`;
}
