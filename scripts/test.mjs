/**
 * `npm test`: every check and test there is, all of them even if one fails. Lab tests mostly wait, so the unit tests
 * run beside them, and are shown when both are done. The last line says how many passed and failed; a check counts as
 * one, a test run as the tests in it.
 */
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';

const ROOT = dirname(import.meta.dirname);

/** npm scripts. */
const CHECKS = { check: 'types', lint: 'lint', 'format:check': 'format' };
/** By what they are about; those in one line run side by side, and the first one of them is shown as it goes. */
const TEST_RUNS = [
  { 'test:lab': 'lab tests', coverage: 'unit, property and conformance tests' },
  // An engine and its images take minutes.
  ...(process.env.UVS_TEST_DOCKER === '1' ? [{ 'test:docker': 'tests of the Docker lab' }] : []),
];

const totals = { passed: 0, failed: 0, skipped: 0 };

for (const [script, name] of Object.entries(CHECKS)) {
  const { ok, output } = await run(script, { show: false });
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name}\n`);
  if (!ok) process.stdout.write(`${output.trim()}\n`);
  totals[ok ? 'passed' : 'failed'] += 1;
}

for (const sideBySide of TEST_RUNS) {
  const [[, shown], ...others] = Object.entries(sideBySide);
  process.stdout.write(`\n${shown}\n`);
  const runs = Object.keys(sideBySide).map((script, i) => run(script, { show: i === 0 }));
  for (const [i, { ok, output }] of (await Promise.all(runs)).entries()) {
    if (i > 0) process.stdout.write(`\n${others[i - 1][1]}\n${output}`);
    const failing = count(output, 'failing');
    totals.passed += count(output, 'passing');
    totals.skipped += count(output, 'pending');
    // A run that ended badly without naming a failed test has failed as a whole.
    totals.failed += ok ? failing : Math.max(failing, 1);
  }
}

const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;

/** The number in mocha's summary line: "  187 passing (4s)". */
function count(output, word) {
  const match = new RegExp(`^\\s*(\\d+) ${word}\\b`, 'm').exec(output);
  return match === null ? 0 : Number(match[1]);
}

/** Runs an npm script and keeps its output, shown at once or not. */
function run(script, { show }) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], {
      cwd: ROOT,
      stdio: ['inherit', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (stream) => (chunk) => {
      output += chunk;
      if (show) stream.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', keep(process.stdout));
    child.stderr.setEncoding('utf8').on('data', keep(process.stderr));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}
