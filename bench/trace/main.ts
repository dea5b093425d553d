/** `npm run bench:trace`: what it costs a packet that others are traced, that it is, and that a trace could be. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spreadOf } from '../macro/statistics.js';
import { runBenchmark } from '../program.js';
import { inRange } from '../words.js';
import { CASES, type CaseName } from './cases.js';

const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
const TITLE_WIDTH = 40;
const HELP = `Usage: npm run bench:trace -- [--rounds N]

Measures what a packet of an established connection costs in loop and engine, without a network: with nobody
tracing, after a trace has ended, and with traces. Each figure is the median of N processes (default 9), which
have their turns one after the other.
`;

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '9' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(HELP);
  else measure(inRange('rounds', values.rounds, [1, 100]));
}

function measure(rounds: number): void {
  const names = Object.keys(CASES) as CaseName[];
  const figures = new Map<CaseName, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const output = execFileSync(process.execPath, [PROBE, name], { encoding: 'utf8' });
      figures.get(name)?.push(Number(output));
    }
  }
  process.stdout.write(`ns a packet, median of ${rounds} processes (and range):\n`);
  for (const [name, values] of figures) {
    const { median } = spreadOf(values);
    const range = `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
    const title = CASES[name].title.padEnd(TITLE_WIDTH);
    process.stdout.write(`  ${title}${median.toFixed(0)} (${range})\n`);
  }
}

await runBenchmark('bench:trace', main);
