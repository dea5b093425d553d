import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as rec from '../../../dataplane/conn/record.js';
import { ESTABLISHED, SYN_RECV } from '../../../dataplane/conn/states.js';
import { FilterError, readFilter } from '../../../src/observe/page/connection-filter.js';
import { address } from '../../support/frames.js';

/** 10.1.0.2:40000 -> 10.1.0.100:80 -> 10.2.0.11:8080, established. */
const WORDS = new Int32Array(2 * rec.CONNECTION_LAYOUT.recordWords);
const BASE = rec.CONNECTION_LAYOUT.recordWords;
WORDS[BASE + rec.W_CLIENT] = address('10.1.0.2');
WORDS[BASE + rec.W_VIRTUAL] = address('10.1.0.100');
WORDS[BASE + rec.W_DESTINATION] = address('10.2.0.11');
WORDS[BASE + rec.W_PORTS] = (40_000 << 16) | 80;
WORDS[BASE + rec.W_META] = (8080 << 16) | (6 << 8) | ESTABLISHED;

function passes(filter: string): boolean {
  return readFilter(filter)(WORDS, BASE);
}

describe('the filter of connections', () => {
  it('lets all pass that has one of its ends', () => {
    const right = ['', ' ', '10.1.0.2', '10.1.0.100', '10.2.0.11', '10.2.0.0/16', '0.0.0.0/0'];
    for (const filter of [...right, ':40000', ':80', ':8080', '10.2.0.11:8080', '10.1.0.0/24:80']) {
      assert.equal(passes(filter), true, filter);
    }
    for (const filter of ['10.1.0.3', '10.3.0.0/16', ':81', '10.1.0.2:80', '10.2.0.11:80']) {
      assert.equal(passes(filter), false, filter);
    }
  });

  it('knows states in small letters, too, and takes words together', () => {
    assert.equal(passes('established :80'), true);
    assert.equal(passes('SYN_RECV'), false);
    assert.equal(passes('established 10.9.9.9'), false);
    WORDS[BASE + rec.W_META] = (8080 << 16) | (6 << 8) | SYN_RECV;
    assert.equal(passes('syn_recv'), true);
  });

  it('says what it does not understand', () => {
    for (const word of [
      'foo',
      '10.1.0',
      '10.1.0.2/33',
      ':65536',
      '10.1.0.2:',
      '/24',
      '/24:80',
      '<b>',
    ]) {
      assert.throws(() => readFilter(word), new RegExp(`'${word}' is no address`));
    }
    assert.throws(() => readFilter('x'.repeat(201)), /too long/);
    assert.throws(() => readFilter(':80 '.repeat(9)), /at most 8 words/);
  });

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.stringMatching(/^[\d./: ]*$/)), (text) => {
        try {
          assert.equal(typeof passes(text), 'boolean');
        } catch (error) {
          assert.ok(error instanceof FilterError);
        }
      }),
      { seed: 4 },
    );
  });
});
