import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readKeys } from '../../../../src/tools/top/keys.js';

describe('keys of a terminal', () => {
  it('are letters, and controls by name', () => {
    assert.deepEqual(readKeys('q/'), [{ text: 'q' }, { text: '/' }]);
    assert.deepEqual(readKeys('\u0003\r\u007f\b\u001a\f'), [
      'interrupt',
      'enter',
      'backspace',
      'backspace',
      'suspend',
      'redraw',
    ]);
  });

  it('are read from control sequences in both modes of cursor keys', () => {
    assert.deepEqual(readKeys('\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[H\u001b[4~'), [
      'up',
      'down',
      'page-up',
      'page-down',
      'home',
      'end',
    ]);
  });

  it('leave out sequences and characters that are none of these, whole', () => {
    assert.deepEqual(
      readKeys('\u001b[1;5Ca\u001b[15~bé😀c'),
      ['a', 'b', 'c'].map((text) => ({ text })),
    );
  });

  it('know an ESC that nothing follows as the key', () => {
    assert.deepEqual(readKeys('\u001b'), ['escape']);
    assert.deepEqual(readKeys('a\u001b'), [{ text: 'a' }, 'escape']);
  });

  it('come of any input without a fault, text of it printable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (input) => {
        for (const key of readKeys(input)) {
          if (typeof key === 'object') assert.match(key.text, /^[ -~]$/);
        }
      }),
      { seed: 1 },
    );
  });
});
