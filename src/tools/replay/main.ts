/**
 * `uvs replay`: plays recorded scenarios and reports where this director answers differently, or captured
 * traffic and says what a director would do with it.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { replayCapture } from './capture/command.js';
import { CAPTURE_OPTIONS, captureOptions, type CaptureOptions } from './capture/options.js';
import { readScenarios } from './files.js';
import { replay, type ScenarioResult } from './replay.js';
import { jsonReport, scenarioReport, summarise, summaryLine } from './report.js';
import { ScenarioError } from './scenario.js';

const EXIT_AGREE = 0;
const EXIT_DIFFER = 1;
const EXIT_BAD_INPUT = 2;

const USAGE = `Usage: uvs replay [--json] [--family NAME]... [--all] [--verbose] FILE|FOLDER...
       uvs replay --rules RULES --pcap IN [--out OUT] [--explain] [--json] [--local ADDRESS]... [--set NAME=VALUE]...

The first form plays recorded scenarios, commands and packets with their times, against a director in this process with a
clock of its own, and shows each step whose outcome differs from what was recorded. Scenario files are .json, or .jsonl with one scenario a line; both can be gzipped (.gz).

  --family NAME   only scenarios of this family
  --json          prints one JSON document instead of text
  --all           shows all differing steps, and all their lines
  --verbose       names the scenarios that agree, too

The second form shows what a director with these rules does with captured traffic. Packets that a director
sent while it was captured are recognised and compared with what this one sends.

  --rules RULES   services and servers, as \`ipvsadm -S\` and \`uvsadm -S\` print them
  --pcap IN       pcap or pcapng, as tcpdump writes them: Ethernet, raw IP, or cooked (\`-i any\`)
  --out OUT       a pcap file to be written: what the director would send
  --explain       a line for each packet: what came, what was decided and why, what went out
  --json          prints JSON: one document, with --explain one line for each packet and one for the summary
  --local ADDRESS an address of the director's own beside the services' (repeatable)
  --set NAME=VALUE  a setting of the director (repeatable); \`uvs set\` explains them

Neither form needs root or sends anything.

Exit status: 0 if all scenarios agree; 1 if one differs, or needs something this director doesn't do yet;
2 if a file can't be read or is no scenario. Of a capture: 0 if the rules concern at least one of its packets
and the captured director, where there was one, did the same; 1 if not; 2 if a file is wrong; 130 after Ctrl-C.
`;

interface TextStream {
  write(text: string): unknown;
  isTTY?: boolean;
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
  if (parsed.capture !== null) return replayInterruptibly(parsed.capture, streams);
  try {
    return await replayAll(positionals, values, stdout);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    stderr.write(`uvs replay: ${error.message}\n`);
    return EXIT_BAD_INPUT;
  }
}

/**
 * Ctrl-C ends the replay with a summary of what it has seen so far; a second one ends it at once. A reader that
 * has gone away (`| head`) ends it quietly.
 */
async function replayInterruptibly(options: CaptureOptions, streams: Streams): Promise<number> {
  const { stdout, stderr } = streams;
  const interrupt = new AbortController();
  const { signal } = interrupt;
  const onSignal = (): void => interrupt.abort();
  let isReaderGone = false;
  const onError = (): void => {
    isReaderGone = true;
    interrupt.abort();
  };
  process.once('SIGINT', onSignal);
  process.stdout.on('error', onError);
  try {
    return await replayCapture(options, {
      write: async (text) => {
        if (isReaderGone || stdout.write(text) !== false) return;
        await once(process.stdout, 'drain', { signal }).catch(() => {});
      },
      stderr,
      interrupt: signal,
    });
  } finally {
    process.off('SIGINT', onSignal);
    process.stdout.off('error', onError);
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
        ...CAPTURE_OPTIONS,
      },
    });
    const capture = captureOptions(parsed.values, parsed.positionals);
    if (typeof capture === 'string') return capture;
    if (capture === null && parsed.positionals.length === 0 && !parsed.values.help) {
      return 'no scenario files are named';
    }
    return { ...parsed, capture };
  } catch (error) {
    return (error as Error).message;
  }
}
