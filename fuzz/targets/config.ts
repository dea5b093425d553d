/**
 * Configuration files and command lines of uvsd: refused with a UsageError, or options that can be used. An input
 * that begins with "{" is a file, any other one is a command line with a word on each line.
 */
import { parseCommandLine } from '../../src/director/command-line.js';
import { checkConfig } from '../../src/director/config.js';
import { OPTION_NAMES, resolveOptions, type OptionValues } from '../../src/director/options.js';
import { UsageError } from '../../src/director/usage.js';
import { SETTING_NAMES } from '../../dataplane/settings.js';
import type { Random } from '../../sim/random.js';
import { mutateJson } from '../json.js';
import { mustHold, type Target } from '../target.js';
import { bytesOf, TextMutator, textOf } from '../text.js';

const FILE = 'fuzzed.json';
const FOLDER = '/nonexistent';
const FILE_MAX_BYTES = 4096;
const WORDS = [
  'ring', 'eth0', 'debug', 'info', '/run/uvs', 'rules', '10.2.0.0/24', '10.2.0.0/33', '300', 'keep', 'release',
  'drop_entry=3', 'drop_entry=-1', 'a=b=c', ...SETTING_NAMES,
]; // prettier-ignore
const NAMES = [...OPTION_NAMES, ...SETTING_NAMES];
const COMMAND_LINES = [
  ['--interface', 'eth0', '--interface=eth1', '--rules', 'rules', '--set', 'drop_entry=1'],
  ['--state-dir=/run/x', '--socket', 'x.sock', '--masquerade', '10.2.0.0/24', '--check'],
  ['--log-level', 'debug', '--max-connections', '100000', '--driver', 'ring'],
  ['--cleanup', '--state-dir', 'x'],
  ['-h'],
  ['--version'],
  ['--config', 'uvs.json'],
];
const FILES = [
  { interface: ['eth0', 'eth1'], rules: 'rules', set: { drop_entry: 1 }, 'log-level': 'info' },
  { 'state-dir': '/run/x', socket: 'x.sock', masquerade: ['10.2.0.0/24'], driver: 'ring' },
  { 'max-connections': 100_000 },
];

export class ConfigTarget implements Target {
  readonly name = 'config';
  readonly about = 'configuration files and command lines of uvsd';
  private readonly text = new TextMutator(
    { lines: '\n', words: '=', vocabulary: [...WORDS, ...OPTION_NAMES.map((name) => `--${name}`)] },
    FILE_MAX_BYTES,
  );

  seeds(): Uint8Array[] {
    const lines = COMMAND_LINES.map((words) => words.join('\n'));
    return [...lines, ...FILES.map((file) => JSON.stringify(file))].map(bytesOf);
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    if (input[0] !== 0x7b || random.chance(0.3)) return this.text.mutate(input, other, random);
    try {
      const value = mutateJson(JSON.parse(textOf(input)), random, NAMES, WORDS);
      return bytesOf(JSON.stringify(value) ?? '').subarray(0, FILE_MAX_BYTES);
    } catch {
      return this.text.mutate(input, other, random);
    }
  }

  reset(): void {}

  run(input: Uint8Array): number {
    const text = textOf(input);
    try {
      if (text.startsWith('{')) checkOptions(checkConfig(FILE, text, FOLDER));
      else parseCommandLine(text.split('\n'), FOLDER);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      mustHold(error.message !== '', 'a refusal says why');
      const isNamed = !text.startsWith('{') || /^(fuzzed\.json|control socket)/.test(error.message);
      mustHold(isNamed, 'a message names the file');
    }
    return 1;
  }
}

/** What is accepted can be filled up with defaults. */
function checkOptions(values: OptionValues): void {
  const options = resolveOptions({}, values);
  mustHold(options.socket.startsWith('/'), 'paths are absolute');
  mustHold(options.maxConnections >= 1, 'there is room for a connection');
}
