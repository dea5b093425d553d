/** What the programs of this folder that need a lab have in common. */
import { endOnSignals } from '../lab/ending.js';
import { LabError } from '../lab/errors.js';

/** Runs a benchmark with the words of the command line; what the machine or the words lack is told as one line. */
export async function runBenchmark(
  name: string,
  main: (argv: string[]) => Promise<number | void>,
): Promise<void> {
  endOnSignals();
  try {
    process.exitCode = (await main(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exit(1);
  }
}
