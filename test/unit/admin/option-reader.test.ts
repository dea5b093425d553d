import assert from 'node:assert/strict';
import { OptionReader, type OptionSyntax } from '../../../src/admin/option-reader.js';

const OPTIONS: OptionSyntax[] = [
  { long: 'list', short: 'L', argument: 'none' },
  { long: 'numeric', short: 'n', argument: 'none' },
  { long: 'weight', short: 'w', argument: 'required' },
  { long: 'persistent', short: 'p', argument: 'optional', absentValue: '360' },
];

/** What is read: options as "long" or "long:value", then the other words after a bar. */
function read(...words: string[]): string {
  const reader = new OptionReader(OPTIONS, words);
  const seen: string[] = [];
  for (let next = reader.next(); next !== null; next = reader.next()) {
    const { option, value } = next;
    seen.push(option.argument === 'none' ? option.long : `${option.long}:${value}`);
  }
  return [...seen, '|', ...reader.others].join(' ');
}

describe('OptionReader', () => {
  it('takes values from where they are', () => {
    assert.equal(read('-w', '5'), 'weight:5 |');
    assert.equal(read('-w5'), 'weight:5 |');
    assert.equal(read('-w=5'), 'weight:5 |');
    assert.equal(read('--weight', '5'), 'weight:5 |');
    assert.equal(read('--weight=5'), 'weight:5 |');
    assert.equal(read('--weight='), 'weight: |');
    assert.equal(read('-w', '-n'), 'weight:-n |');
    assert.equal(read('--weight', '--', '-n'), 'weight:-- numeric |');
  });

  it('reads bundles of short options up to the first that takes a value', () => {
    assert.equal(read('-Lnw5'), 'list numeric weight:5 |');
    assert.equal(read('-Lw', '5', '-n'), 'list weight:5 numeric |');
    assert.equal(read('-wLn'), 'weight:Ln |');
  });

  it('takes an optional value only from a word that is no option', () => {
    assert.equal(read('-p', '60'), 'persistent:60 |');
    assert.equal(read('-p60'), 'persistent:60 |');
    assert.equal(read('-p', '-n'), 'persistent:360 numeric |');
    assert.equal(read('-p'), 'persistent:360 |');
    assert.equal(read('--persistent='), 'persistent: |');
    assert.equal(read('-p', '--', '-n'), 'persistent:360 | -n');
  });

  it('sets other words aside', () => {
    assert.equal(read('a', '-L', '-', 'b', '--', '-n', 'c'), 'list | a - b -n c');
    assert.equal(read(), '|');
  });

  const faults: [words: string[], message: string][] = [
    [['-Lq'], '-Lq: unknown option'],
    [['--lis'], '--lis: unknown option'],
    [['--nosuch=3'], '--nosuch=3: unknown option'],
    [['-Lw'], '-Lw: missing argument'],
    [['--weight'], '--weight: missing argument'],
    [['--list=3'], '--list=3: option does not take an argument'],
    [['-n='], '-n=: option does not take an argument'],
    [['-n-'], '-n-: unknown option'],
  ];
  for (const [words, message] of faults) {
    it(`complains of ${words.join(' ')}`, () => {
      assert.throws(() => read(...words), { message });
    });
  }
});
