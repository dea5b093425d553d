/**
 * The configuration file: a JSON object with the command line's option names as keys.
 *
 *     { "interface": ["eth0", "eth1"], "rules": "/etc/uvs/rules", "set": { "expire_nodest_conn": 1 } }
 */
import { dirname, resolve } from 'node:path';
import { readText } from '../rules/read-text.js';
import {
  checkValue,
  isOptionName,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
  type OptionValues,
} from './options.js';
import { Problems, UsageError } from './usage.js';

/**
 * Reads and checks a file. `folder` is where a relative `file` starts; relative paths in the file start at the
 * file's own folder. `problems` gets a line for each that names the file, the key, the value and what is allowed.
 */
export function readConfig(file: string, folder: string, problems: Problems): OptionValues {
  const values = problems.attempt(() =>
    collect(file, read(file, folder), dirname(resolve(folder, file)), problems),
  );
  return values ?? {};
}

/** The same for a file's text; relative paths in it start at `base`. Throws UsageError that names all problems. */
export function checkConfig(file: string, text: string, base: string): OptionValues {
  const problems = new Problems();
  const values = collect(file, text, base, problems);
  problems.throwAny();
  return values;
}

function collect(file: string, text: string, base: string, problems: Problems): OptionValues {
  const content = parse(file, text);
  if (content === null || typeof content !== 'object' || Array.isArray(content)) {
    throw new UsageError(`${file}: the file must be one JSON object`);
  }
  const values: OptionValues = {};
  for (const [key, value] of Object.entries(content)) {
    problems.attempt(() => {
      if (!isOptionName(key)) {
        throw new UsageError(
          `${file}: there is no option ${JSON.stringify(key)}; there are ${OPTION_NAMES.join(', ')}`,
        );
      }
      Object.assign(values, { [key]: checkKey(file, key, value, base) });
    });
  }
  return values;
}

function checkKey(file: string, key: OptionName, value: unknown, base: string): unknown {
  const where = `${file}: ${key}`;
  if (OPTIONS[key].repeatable === undefined) return checkValue(where, key, value, base);
  if (!Array.isArray(value)) {
    throw new UsageError(
      `${where}: ${JSON.stringify(value)} won't do, it must be an array, each element ${OPTIONS[key].allowed}`,
    );
  }
  return value.map((element) => checkValue(where, key, element, base));
}

function read(file: string, folder: string): string {
  try {
    return readText(resolve(folder, file));
  } catch (error) {
    throw new UsageError(`can't read ${file}: ${(error as Error).message}`);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = (error as Error).message.replace(/\s+/g, ' ');
    throw new UsageError(`${file}${placeOf(problem, text)}: ${problem}`);
  }
}

/** ":LINE:COLUMN" where the parser says at which character it gave up. */
function placeOf(problem: string, text: string): string {
  const position = /at position (\d+)/.exec(problem);
  if (position === null) return '';
  const lines = text.slice(0, Number(position[1])).split('\n');
  return `:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}
