import assert from 'node:assert/strict';
import { commandFor, parseOptions, UsageError, type Options } from '../../../sim/options.js';
import { Report } from '../../../sim/report.js';

function options(...words: string[]): Options {
  const parsed = parseOptions(words);
  assert.ok(parsed !== null);
  return parsed;
}

describe('the command line of the simulator', () => {
  it('divides the hours among the runs', () => {
    const { runs, hours, firstSeed } = options('--seeds', '1000', '--hours', '24', '--first', '7');
    assert.deepEqual([runs, hours, firstSeed], [1000, 0.024, 7]);
  });

  it('switches kinds of faults off, or all but some', () => {
    assert.deepEqual([...options('--off', 'loss,kill').off], ['loss', 'kill']);
    assert.equal(options('--only', 'loss').off.has('loss'), false);
    assert.equal(options('--only', 'loss').off.has('kill'), true);
    assert.equal(options('--only', 'none').off.has('loss'), true);
  });

  it('says what is wrong', () => {
    const wrong: [string[], RegExp][] = [
      [['--seeds', 'many'], /whole number/],
      [['--hours', '0'], /above 0/],
      [['--off', 'rain'], /no fault 'rain'; there are loss, /],
      [['--off', 'loss', '--only', 'kill'], /contradict/],
      [['--seed', '1', '--seeds', '2'], /one run/],
      [['--wings'], /--help/],
    ];
    for (const [words, message] of wrong) {
      assert.throws(
        () => parseOptions(words),
        (error: Error) => error instanceof UsageError && message.test(error.message),
      );
    }
  });

  it('gives a command that means exactly that run', () => {
    const many = options('--seeds', '50', '--hours', '3', '--off', 'loss,stop');
    const words = commandFor(many, 17).split(' -- ')[1].split(' ');
    const single = options(...words);
    assert.deepEqual(
      [single.firstSeed, single.runs, single.hours, [...single.off]],
      [17, 1, 0.06, ['loss', 'stop']],
    );
  });
});

describe("the simulator's report", () => {
  it('tells of failures, how to repeat them, and of what was exercised', () => {
    const lines: string[] = [];
    const report = new Report(
      options('--seeds', '2', '--hours', '1'),
      (line) => lines.push(line),
      () => 0,
    );
    const usual = { virtualMs: 1_800_000, trace: [] };
    report.take({ ...usual, seed: 1, counts: { frames: 5 }, failure: null });
    report.take({ ...usual, seed: 2, counts: { frames: 6 }, failure: 'lost: a connection' });
    report.tellSummary();
    const text = lines.join('\n');
    assert.match(text, /^FAILED seed 2 at 1800.00 s: lost: a connection$/m);
    assert.match(text, /repeat it with: npm run sim -- --seed 2 --hours 0.5 --trace$/m);
    assert.match(text, /^ +11 {2}frames$/m);
    assert.match(text, /2 runs, 1 virtual hours .*: 1 FAILED$/m);
    assert.equal(report.hasFailures, true);
  });
});
