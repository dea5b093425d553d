/** `npm run sim`: the whole data plane in virtual time. docs/SIMULATION.md. */
import { HELP, parseOptions, UsageError } from './options.js';
import { Report } from './report.js';
import { runAll, runShare, shareIn } from './runner.js';

async function main(argv: readonly string[]): Promise<number> {
  const { share, words } = shareIn(argv);
  const options = parseOptions(words);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  if (share !== null) {
    await runShare(options, share, (report) => process.send?.(report));
    process.disconnect();
    return 0;
  }
  const report = new Report(
    options,
    (line) => process.stdout.write(`${line}\n`),
    () => performance.now(),
  );
  await runAll(options, words, (run) => report.take(run));
  report.tellSummary();
  return report.hasFailures ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`sim: ${error.message}\n`);
  process.exitCode = 2;
}
