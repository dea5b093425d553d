import assert from 'node:assert/strict';
import { readKeys } from '../../../../src/tools/top/keys.js';
import { FIRST_VIEW, press, type View } from '../../../../src/tools/top/view.js';

const EXTENT = { columns: 7, rows: 100, visibleRows: 17 };

/** The view after these keys, null if they end the program. */
function after(input: string, view: View = FIRST_VIEW): View | null {
  let now: View | null = view;
  for (const key of readKeys(input)) now = now === null ? null : press(now, key, EXTENT);
  return now;
}

describe('the view of uvs top', () => {
  it('ends with q and Ctrl-C, also from the page of help', () => {
    for (const keys of ['q', '\u0003', 'hq', 'h\u0003', '/ab\u0003'])
      assert.equal(after(keys), null);
  });

  it('takes all letters for the filter while that is typed', () => {
    const typing = after('/qp\u007fv?');
    assert.equal(typing?.filter, 'qv?');
    assert.equal(typing.isTyping, true);
    const done = after('\r', typing);
    assert.deepEqual([done?.filter, done?.isTyping], ['qv?', false]);
  });

  it('shows all again after Escape, while typing and later', () => {
    assert.deepEqual(after('/abc\u001b'), FIRST_VIEW);
    assert.deepEqual(after('\u001b', after('/abc\r') ?? undefined), FIRST_VIEW);
  });

  it('bounds the length of the filter', () => {
    assert.equal(after(`/${'x'.repeat(1000)}`)?.filter.length, 60);
  });

  it('goes round the columns, with the order of the rules between last and first', () => {
    assert.equal(after('>')?.sort, 0);
    assert.equal(after('<')?.sort, 6);
    assert.equal(after('>'.repeat(8))?.sort, null);
    assert.equal(after('\u001b[C\u001b[C\u001b[D')?.sort, 0);
  });

  it('goes round the shapes and begins at their top', () => {
    const scrolled = after('\u001b[B\u001b[B');
    assert.equal(scrolled?.scroll, 2);
    const next = after('v', scrolled);
    assert.deepEqual([next?.shape, next?.scroll], ['services', 0]);
    assert.equal(after('vv')?.shape, 'servers');
    assert.equal(after('vvv')?.shape, 'tree');
  });

  it('scrolls by rows and screens, to no place beyond the rows', () => {
    assert.equal(after('\u001b[A')?.scroll, 0);
    assert.equal(after('\u001b[6~')?.scroll, 17);
    assert.equal(after('\u001b[F')?.scroll, 83);
    assert.equal(after('\u001b[F\u001b[B')?.scroll, 83);
    assert.equal(after('\u001b[F\u001b[5~k')?.scroll, 65);
    assert.equal(after('\u001b[F\u001b[H')?.scroll, 0);
  });

  it('leaves the page of help with any key, which does nothing else', () => {
    assert.deepEqual(after('hv'), FIRST_VIEW);
  });

  it('pauses and goes on, hides and shows idle ones', () => {
    assert.equal(after('p')?.isPaused, true);
    assert.equal(after('p ')?.isPaused, false);
    assert.equal(after('i')?.hidesIdle, true);
  });
});
