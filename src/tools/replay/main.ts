/** `uvs replay`: plays recorded scenarios and reports where this director answers differently. */
import { parseArgs } from 'node:util';
import { readScenarios } from './files.js';
import { replay, type ScenarioResult } from './replay.js';
import { jsonReport, scenarioReport, summarise, summaryLine } from './report.js';
import { ScenarioError } from './scenario.js';

const EXIT_AGREE = 0;
const EXIT_DIFFER = 1;
const EXIT_BAD_INPUT = 2;

const USAGE = `Usage: uvs replay [--json] [--family NAME]... [--all] [--verbose] FILE|FOLDER...

Plays recorded scenarios, commands and packets with their times, against a director in this process with a
clock of its own, and shows each step whose outcome differs from what was recorded. Needs no root and sends
nothing. Scenario files are .json, or .jsonl with one scenario a line; both can be gzipped (.gz).

  --family NAME   only scenarios of this family
  --json          prints one JSON document instead of text
  --all           shows all differing steps, and all their lines
  --verbose       names the scenarios that agree, too

Exit status: 0 if all scenarios agree; 1 if one differs, or needs something this director doesn't do yet;
2 if a file can't be read or is no scenario.
`;

interface TextStream {
  write(text: string): unknown;
}

export interface Streams {
  stdout: TextStream;
  stderr: TextStream;
}

/** Runs `uvs replay ARGV`; resolves to the exit status. */
export async function run(argv: string[], streams: Streams = process): Promise<number> {
  const { stdout, stderr } = streams;
  const parsed = parse(argv);
  if (typeof parsed === 'string') {
    stderr.write(`uvs replay: ${parsed}\nTry \`uvs replay --help\`.\n`);
    return EXIT_BAD_INPUT;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    stdout.write(USAGE);
    return EXIT_AGREE;
  }
  try {
    return await replayAll(positionals, values, stdout);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    stderr.write(`uvs replay: ${error.message}\n`);
    return EXIT_BAD_INPUT;
  }
}

interface Options {
  json: boolean;
  family: string[];
  all: boolean;
  verbose: boolean;
}

async function replayAll(paths: string[], options: Options, stdout: TextStream): Promise<number> {
  const results: ScenarioResult[] = [];
  for (const { scenario, place } of readScenarios(paths)) {
    if (options.family.length > 0 && !options.family.includes(scenario.family)) continue;
    const result = await replay(scenario, place);
    results.push(result);
    if (!options.json) stdout.write(scenarioReport(result, options));
  }
  if (results.length === 0) throw new ScenarioError('no scenarios of this family');
  stdout.write(options.json ? jsonReport(results) : summaryLine(results));
  return summarise(results).agrees === results.length ? EXIT_AGREE : EXIT_DIFFER;
}

function parse(argv: string[]) {
  try {
    const parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        family: { type: 'string', multiple: true, default: [] },
        all: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
      },
    });
    if (parsed.positionals.length === 0 && !parsed.values.help) {
      return 'no scenario files are named';
    }
    return parsed;
  } catch (error) {
    return (error as Error).message;
  }
}
