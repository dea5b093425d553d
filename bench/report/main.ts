/**
 * `npm run bench:report`: draws what was measured. Needs no root and measures nothing. Also brings the figures in the
 * documents up to date.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { LabError, messageOf } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import { readResults } from '../macro/results.js';
import { runBenchmark } from '../program.js';
import { compare, comparisonText } from './compare.js';
import { withResults } from './documents.js';
import { reportPage } from './page.js';
import { readSource, STANDARD_FILES, standardFiles, type Source } from './sources.js';

const HELP = `Usage: npm run bench:report -- [OPTION]... [FILE]...

Draws results as one page and as SVG files, and writes the figures into the documents below docs/.

  FILE...            results of npm run bench, bench:ipvs, bench:scale or bench:metrics
                     (default: those of ${STANDARD_FILES.join(', ')} that are in bench/results;
                     with files named here, the documents stay as they are)
  --folder FOLDER    where the page report.html and the folder plots go (default: docs/benchmarks)
  --compare A B      draw nothing, and say whether two runs of npm run bench agree
  --help             print this text
`;

function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseWords(argv);
  if (values.help === true) process.stdout.write(HELP);
  else if (values.compare === true) process.stdout.write(comparison(positionals));
  else report(positionals, values.folder ?? join(packageRoot(), 'docs', 'benchmarks'));
  return Promise.resolve();
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        folder: { type: 'string' },
        compare: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new LabError(`${messageOf(error)}; see npm run bench:report -- --help`);
  }
}

function comparison(files: readonly string[]): string {
  if (files.length !== 2) throw new LabError(`--compare needs two files, not ${files.length}`);
  const [first, second] = files.map((file) => readResults(file));
  return comparisonText(compare(first, second));
}

function report(named: readonly string[], folder: string): void {
  const files = named.length > 0 ? named : standardFiles();
  if (files.length === 0) {
    throw new LabError('there are no results in bench/results; `npm run bench` measures some');
  }
  const sources = files.map(readSource);
  const plots = join(folder, 'plots');
  writePlots(plots, sources);
  write(join(folder, 'report.html'), reportPage(sources));
  if (named.length === 0) updateDocuments(sources, plots);
}

/** Also removes the plots of what a source doesn't have any more. */
function writePlots(folder: string, sources: readonly Source[]): void {
  mkdirSync(folder, { recursive: true });
  const isOld = (file: string) =>
    sources.some(({ name }) => file.startsWith(`${name}-`) && file.endsWith('.svg'));
  for (const file of readdirSync(folder).filter(isOld)) rmSync(join(folder, file));
  for (const { pictures } of sources) {
    for (const { name, svg } of pictures) writeFileSync(join(folder, `${name}.svg`), svg);
  }
  const count = sources.reduce((sum, { pictures }) => sum + pictures.length, 0);
  say(`${relative(process.cwd(), folder)}: ${count} plots`);
}

function updateDocuments(sources: readonly Source[], plots: string): void {
  const docs = join(packageRoot(), 'docs');
  const files = readdirSync(docs, { recursive: true, encoding: 'utf8' });
  for (const name of files.filter((file) => file.endsWith('.md'))) {
    const file = join(docs, name);
    const before = readFileSync(file, 'utf8');
    const after = withResults(before, sources, relative(dirname(file), plots));
    if (after !== before) write(file, after);
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  say(relative(process.cwd(), file));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

await runBenchmark('bench:report', main);
