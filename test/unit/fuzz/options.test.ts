import assert from 'node:assert/strict';
import { KIND_NAMES } from '../../../fuzz/kinds.js';
import { OptionError, parseOptions } from '../../../fuzz/options.js';

describe('the command line of npm run fuzz', () => {
  it('fuzzes all kinds for a minute where nothing else is said', () => {
    const options = parseOptions([]);
    assert.deepEqual(options?.kinds, KIND_NAMES);
    assert.equal(options?.seconds, 60);
    assert.equal(options?.inputs, null);
  });

  it('takes kinds with commas and one by one', () => {
    assert.deepEqual(parseOptions(['--kind', 'rules,frames', '--kind', 'rules'])?.kinds, [
      'rules',
      'frames',
    ]);
  });

  it('fuzzes as many inputs as are asked for, however long that takes', () => {
    assert.equal(parseOptions(['--inputs', '100'])?.seconds, null);
    assert.equal(parseOptions(['--inputs', '100', '--time', '5'])?.seconds, 5);
  });

  const WRONG: [string[], RegExp][] = [
    [['--kind', 'pictures'], /there is no kind "pictures"; there are frames/],
    [['--time', 'long'], /--time: "long" is no whole number above 0/],
    [['--inputs', '0'], /--inputs: "0"/],
    [['frames'], /can't make sense of "frames"/],
    [['--repeat', 'file'], /--repeat needs one --kind/],
    [['--kind', 'rules', '--repeat'], /--repeat needs/],
    [['--fast'], /--fast/],
  ];
  for (const [words, message] of WRONG) {
    it(`refuses ${words.join(' ')}`, () => {
      assert.throws(
        () => parseOptions(words),
        (error) => error instanceof OptionError && message.test(error.message),
      );
    });
  }
});
