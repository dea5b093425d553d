import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { readLines, type Line } from '../../../src/control/lines.js';

async function linesOf(chunks: (string | Buffer)[], maxBytes = 1000): Promise<Line[]> {
  async function* source(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: Line[] = [];
  for await (const line of readLines(source(), maxBytes)) lines.push(line);
  return lines;
}

const texts = (...lines: string[]): Line[] => lines.map((text) => ({ text }));

describe('lines of a byte stream', () => {
  it('joins what arrives in pieces and parts what arrives together', async () => {
    assert.deepEqual(
      await linesOf(['one\ntw', 'o', '\n', '\nfour\n']),
      texts('one', 'two', '', 'four'),
    );
  });

  it('counts an unfinished last line', async () => {
    assert.deepEqual(await linesOf(['one\ntwo']), texts('one', 'two'));
  });

  it('joins a character that was cut in two', async () => {
    const bytes = Buffer.from('é\n');
    assert.deepEqual(await linesOf([bytes.subarray(0, 1), bytes.subarray(1)]), texts('é'));
  });

  it('reports a line beyond the limit once and goes on with the next', async () => {
    const chunks = ['12345\n', '1234', '56', '7890', '1234567890\nok\n'];
    assert.deepEqual(await linesOf(chunks, 5), [
      { text: '12345' },
      { tooLong: true },
      { text: 'ok' },
    ]);
  });

  it('reports it before its end has come', async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        sent++;
        yield Buffer.alloc(100, 'x');
      }
    }
    const first = await readLines(endless(), 1000).next();
    assert.deepEqual(first.value, { tooLong: true });
    assert.equal(sent, 11);
  });

  it('doesn’t care where chunks begin', async () => {
    const chunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '\n'), maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(chunks, async (pieces) => {
        const whole = pieces.join('');
        const expected = whole.split('\n');
        if (expected.at(-1) === '') expected.pop();
        assert.deepEqual(await linesOf(pieces), texts(...expected));
      }),
    );
  });
});
