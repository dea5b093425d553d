import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineWriter } from '../../../src/observe/metrics/line-writer.js';

const TEXTS = ['uvs_server_weight{', 'server="10.2.0.11:80"', '} '];
const [NAME, LABELS, END] = TEXTS.map((text) => Buffer.from(text));

function line(value: number): string {
  return `${TEXTS.join('')}${value}\n`;
}

function written(out: LineWriter): string {
  return Buffer.concat([...out.taken(), ...out.rest()]).toString();
}

describe('a writer of lines', () => {
  it('writes numbers as JavaScript does', () => {
    const numbers = fc.oneof(fc.nat(), fc.integer(), fc.maxSafeNat(), fc.double());
    fc.assert(
      fc.property(fc.array(numbers), (values) => {
        const out = new LineWriter();
        for (const value of values) out.line(NAME, LABELS, END, value);
        assert.equal(written(out), values.map(line).join(''));
      }),
    );
  });

  it('has all of it in order, in pieces that can be sent while it goes on', () => {
    const out = new LineWriter();
    const pieces: Uint8Array[] = [];
    let expected = '# HELP\n';
    out.text(expected);
    for (let i = 0; i < 10_000; i++) {
      out.line(NAME, LABELS, END, i);
      expected += line(i);
      pieces.push(...out.taken());
    }
    assert.ok(pieces.length >= 3);
    const long = 'x'.repeat(1 << 20);
    out.text(long);
    assert.equal(Buffer.concat(pieces).toString() + written(out), expected + long);
  });
});
