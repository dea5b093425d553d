/**
 * `npm test`: every check and test there is, all of them even if one fails. Lab tests mostly wait, so the unit tests
 * run beside them, and are shown when both are done. What failed is told once more in the end, for those who see only
 * that; the last line says how many passed and failed; a check counts as one, a test run as the tests in it.
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
/** What went wrong, to be told in the end: a check's output, mocha's list of failed tests. */
const failures = [];

for (const [script, name] of Object.entries(CHECKS)) {
  const { ok, output } = await run(script, { show: false });
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name}\n`);
  if (!ok) {
    process.stdout.write(`${output.trim()}\n`);
    failures.push(`${name}:\n${output.trim()}`);
  }
  totals[ok ? 'passed' : 'failed'] += 1;
}

for (const sideBySide of TEST_RUNS) {
  const names = Object.values(sideBySide);
  process.stdout.write(`\n${names[0]}\n`);
  const runs = Object.keys(sideBySide).map((script, i) => run(script, { show: i === 0 }));
  for (const [i, { ok, output }] of (await Promise.all(runs)).entries()) {
    if (i > 0) process.stdout.write(`\n${names[i]}\n${output}`);
    const failing = count(output, 'failing');
    totals.passed += count(output, 'passing');
    totals.skipped += count(output, 'pending');
    // A run that ended badly without naming a failed test has failed as a whole.
    totals.failed += ok ? failing : Math.max(failing, 1);
    if (!ok || failing > 0) failures.push(`${names[i]}:\n${failed(output)}`);
  }
}

if (failures.length > 0) process.stdout.write(`\nwhat failed\n\n${failures.join('\n\n')}\n`);
const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;

/** The number in mocha's summary line: "  187 passing (4s)". */
function count(output, word) {
  const match = new RegExp(`^\\s*(\\d+) ${word}\\b`, 'm').exec(output);
  return match === null ? 0 : Number(match[1]);
}

/** From a test run's output, what mocha lists after its summary; the end of it where it didn't come that far. */
function failed(output) {
  const from = output.search(/^\s*\d+ failing\b/m);
  if (from < 0) return output.slice(-2000).trim();
  return output
    .slice(from)
    .split(/^=+ Coverage summary/m)[0]
    .trim();
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
