/** `npm run bench`: uvs side by side with other balancers and with plain routing. */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { requireMachine } from '../../lab/needs.js';
import { runBenchmark } from '../program.js';
import { HELP, parseOptions, type Options } from './options.js';
import type { Peer } from './peers/peer.js';
import { writeResults } from './results.js';
import { run } from './run.js';
import { resultsTable } from './table.js';

const BASIC_COMMANDS = ['nginx', 'iperf3', 'wrk', 'taskset'];

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv, availableParallelism());
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const { axes } = options;
  const commands = [...options.peers, ...axes].flatMap((part) => part.commands);
  requireMachine([...new Set([...BASIC_COMMANDS, ...commands])]);
  const peers = measurable(options);
  const results = await run(
    { ...options, peers },
    `npm run bench -- ${argv.join(' ')}`.replace(/ -- $/, ''),
  );
  writeResults(options.file, results);
  process.stdout.write(`${resultsTable(results)}\n\n`);
  process.stdout.write(`Results are in ${relative(process.cwd(), options.file)}.\n`);
}

/** The peers that can be measured here. Says which can't be, and fails where just those were asked for. */
function measurable({ peers, peersNamed }: Options): Peer[] {
  return peers.filter((peer) => {
    const reason = peer.missing?.() ?? null;
    if (reason === null) return true;
    if (peersNamed) throw new LabError(`${peer.title}: ${reason}`);
    process.stderr.write(`without ${peer.title}: ${reason}\n`);
    return false;
  });
}

await runBenchmark('bench', main);
