/** The command line of uvsd: words to options, and the help text. */
import { readConfig } from './config.js';
import {
  checkValue,
  isOptionName,
  OPTION_NAMES,
  OPTIONS,
  resolveOptions,
  type OptionName,
  type Options,
  type OptionValues,
} from './options.js';
import { Problems, UsageError } from './usage.js';

/** What uvsd is to do. `check` and `cleanup` don't start a director. */
export type Command =
  | { action: 'run' | 'cleanup'; options: Options }
  | { action: 'check'; options: Options; findings: Findings }
  | { action: 'help' | 'version' };

/** What is known about the options before anything else is looked at. */
export interface Findings {
  /** What is wrong with them; those options aren't among the others. */
  problems: Problems;
  /** Where an option was given: "--rules", "/etc/uvs/uvsd.json: rules". */
  origin: (name: OptionName) => string;
}

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

/** Reads the command line and the file that it names. Throws UsageError that names all that is wrong. */
export function parseCommandLine(argv: readonly string[], folder = process.cwd()): Command {
  const problems = new Problems();
  const words = readWords(argv, folder, problems);
  if (words.actions.has('help')) return { action: 'help' };
  if (words.actions.has('version')) return { action: 'version' };
  if (words.actions.size > 1) {
    const actions = [...words.actions].map((action) => `--${action}`).join(' and ');
    problems.lines.push(`${actions} exclude each other`);
  }
  const { config } = words;
  const fromFile = config === null ? {} : readConfig(config, folder, problems);
  const options = problems.attempt(() => resolveOptions(words.values, fromFile));
  const isCheck = words.actions.size === 1 && words.actions.has('check');
  if (!isCheck || options === undefined) problems.throwAny();
  // Without problems there are options.
  const given = options as Options;
  if (!isCheck) return { action: words.actions.has('cleanup') ? 'cleanup' : 'run', options: given };
  const origin = (name: OptionName): string =>
    name in words.values || !(name in fromFile) ? `--${name}` : `${config}: ${name}`;
  return { action: 'check', options: given, findings: { problems, origin } };
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
    'With --check: 0 could start, 1 the host does not allow it, 2 wrong options or rules.',
    '',
  ].join('\n');
}

function readWords(argv: readonly string[], folder: string, problems: Problems): Words {
  const words: Words = { actions: new Set(), config: null, values: {} };
  for (let i = 0; i < argv.length;) {
    const at = i;
    i += 1;
    problems.attempt(() => {
      const { name, text } = splitWord(argv[at]);
      if (Object.hasOwn(ACTIONS, name)) {
        if (text !== null) throw new UsageError(`--${name} takes no value`);
        words.actions.add(name as Action);
        return;
      }
      const isKnown = name === 'config' || isOptionName(name);
      // The value of an unknown option isn't a problem of its own.
      if (text === null && (isKnown || !(argv[i] ?? '-').startsWith('-'))) i += 1;
      if (!isKnown) {
        throw new UsageError(`there is no option --${name}; \`uvsd --help\` lists them`);
      }
      const value = text ?? argv[at + 1];
      if (value === undefined) throw new UsageError(`--${name} needs a value`);
      if (name === 'config') words.config = value;
      else addValue(words.values, name, value, folder);
    });
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
