/** The command line of uvsd: words to options, and the help text. */
import { readConfig } from './config.js';
import {
  checkValue,
  isOptionName,
  OPTION_NAMES,
  OPTIONS,
  resolveOptions,
  type Options,
  type OptionValues,
} from './options.js';
import { UsageError } from './usage.js';

/** What uvsd is to do. `check` and `cleanup` don't start a director. */
export type Command =
  { action: 'run' | 'check' | 'cleanup'; options: Options } | { action: 'help' | 'version' };

const ACTIONS = {
  check: 'say whether a director could start like this, and end',
  cleanup: 'remove what a killed director left behind, and end',
  version: 'print the version, and end',
  help: 'print this text, and end',
} as const;

type Action = keyof typeof ACTIONS;

interface Words {
  actions: Set<Action>;
  config: string | null;
  values: OptionValues;
}

/** Reads the command line and the file that it names. Throws UsageError. */
export function parseCommandLine(argv: readonly string[], folder = process.cwd()): Command {
  const words = readWords(argv, folder);
  if (words.actions.has('help')) return { action: 'help' };
  if (words.actions.has('version')) return { action: 'version' };
  if (words.actions.size > 1) {
    throw new UsageError(
      `${[...words.actions].map((action) => `--${action}`).join(' and ')} exclude each other`,
    );
  }
  const config = words.config === null ? {} : readConfig(words.config, folder);
  const options = resolveOptions(words.values, config);
  const [action] = words.actions;
  return { action: action === 'check' || action === 'cleanup' ? action : 'run', options };
}

export function helpText(): string {
  const entries = [
    ...OPTION_NAMES.map((name) => [`--${name} ${OPTIONS[name].argument}`, OPTIONS[name].summary]),
    ['--config FILE', 'read options from a JSON file, by the same names; the command line wins'],
    ...Object.entries(ACTIONS).map(([name, summary]) => [`--${name}`, summary]),
  ];
  const width = Math.max(...entries.map(([left]) => left.length));
  return [
    'Usage: uvsd [OPTION]...',
    '',
    'The director of a virtual server: balances TCP connections to real servers by LVS-NAT.',
    'Runs in the foreground, logs to standard error, ends cleanly on SIGTERM and SIGINT.',
    'uvsadm, with the grammar of ipvsadm, sets up services and servers while it runs.',
    '',
    ...entries.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Exit status: 0 ended as asked, 1 could not start or go on, 2 wrong options or rules.',
    '',
  ].join('\n');
}

function readWords(argv: readonly string[], folder: string): Words {
  const words: Words = { actions: new Set(), config: null, values: {} };
  for (let i = 0; i < argv.length; i++) {
    const { name, text } = splitWord(argv[i]);
    if (Object.hasOwn(ACTIONS, name)) {
      if (text !== null) throw new UsageError(`--${name} takes no value`);
      words.actions.add(name as Action);
      continue;
    }
    if (name !== 'config' && !isOptionName(name)) {
      throw new UsageError(`there is no option --${name}; \`uvsd --help\` lists them`);
    }
    const value = text ?? argv[++i];
    if (value === undefined) throw new UsageError(`--${name} needs a value`);
    if (name === 'config') words.config = value;
    else addValue(words.values, name, value, folder);
  }
  return words;
}

/** "--name=text" or "--name". */
function splitWord(word: string): { name: string; text: string | null } {
  if (word === '-h') return { name: 'help', text: null };
  const parts = /^--([^=]+)(?:=(.*))?$/s.exec(word);
  if (parts === null) {
    throw new UsageError(
      `can't make sense of ${JSON.stringify(word)}; \`uvsd --help\` lists the options`,
    );
  }
  return { name: parts[1], text: parts[2] ?? null };
}

/** Of an option that isn't repeatable the last value counts. */
function addValue(
  values: OptionValues,
  name: keyof OptionValues,
  text: string,
  folder: string,
): void {
  const { repeatable, fromText } = OPTIONS[name];
  const value = checkValue(
    `--${name}`,
    name,
    fromText === undefined ? text : fromText(text),
    folder,
  );
  let after = value;
  if (repeatable) after = [...((values[name] as unknown[] | undefined) ?? []), value];
  if (name === 'set') after = { ...values.set, ...(value as object) };
  Object.assign(values, { [name]: after });
}
