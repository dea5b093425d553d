import assert from 'node:assert/strict';
import { splitWords } from '../../../../src/tools/replay/words.js';

describe('splitWords', () => {
  for (const [line, words] of [
    ['', []],
    ['  -A  -t\t10.1.0.100:80 ', ['-A', '-t', '10.1.0.100:80']],
    [`-s 'r r' "w  rr"`, ['-s', 'r r', 'w  rr']],
    [`a'b'"c"d`, ['abcd']],
    [`'' "" x`, ['', '', 'x']],
    [String.raw`a\ b \' \\ c\d`, ['a b', "'", '\\', 'cd']],
    [String.raw`"a\"b\\c\d" 'e\f'`, [String.raw`a"b\c\d`, String.raw`e\f`]],
    ['-p # 5', ['-p', '#', '5']],
  ] as const) {
    it(JSON.stringify(line), () => {
      assert.deepEqual(splitWords(line), words);
    });
  }

  for (const [line, problem] of [
    [`-A 'x`, /a ' is not closed/],
    [`-A "x`, /a " is not closed/],
    ['-A \\', /nothing after the last \\/],
  ] as const) {
    it(`refuses ${line}`, () => {
      assert.throws(() => splitWords(line), problem);
    });
  }
});
