import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/tools/doctor.js';
import { Findings, listed, type Level } from '../../../src/tools/doctor/findings.js';
import {
  exitCodeOf,
  jsonText,
  makeReport,
  pageText,
  reportSchema,
} from '../../../src/tools/doctor/report.js';

async function doctor(...words: string[]) {
  const output = { exitCode: 0, stdout: '', stderr: '' };
  output.exitCode = await run(words, {
    stdout: { write: (text) => (output.stdout += text) },
    stderr: { write: (text) => (output.stderr += text) },
  });
  return output;
}

function reportOf(...levels: Level[]) {
  const findings = levels.map((level) => ({ level, text: `it is ${level}`, command: 'mend it' }));
  return makeReport('director', [{ name: 'some-check', findings }]);
}

describe('uvs doctor', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'uvs-doctor-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('says what is wrong with a command line or rules', async () => {
    const file = join(folder, 'rules');
    writeFileSync(file, '-D -t 10.1.0.100:81\n');
    for (const [words, text] of [
      [['--rules', file], /rules:1: No such service\n.*the rules are wrong/],
      [['--rules', '/nowhere'], /can't read the rules in \/nowhere/],
      [['--client', '10.1.0.2'], /--client is for --probe/],
      [['--probe', '--client', 'me'], /must be an IPv4 address, not 'me'/],
      [['thoroughly'], /nothing to add, such as 'thoroughly'/],
      [['--deeply'], /Unknown option '--deeply'/],
    ] as const) {
      const { exitCode, stdout, stderr } = await doctor(...words);
      assert.deepEqual([exitCode, stdout], [2, '']);
      assert.match(stderr, text);
    }
  });

  it('says how bad it is by its exit status, the worst first', () => {
    const statuses = [
      reportOf('ok'),
      reportOf('ok', 'note'),
      reportOf('unchecked', 'note'),
      reportOf('unchecked', 'warning'),
      reportOf('warning', 'error', 'unchecked'),
      makeReport('nothing', []),
    ].map(exitCodeOf);
    assert.deepEqual(statuses, [0, 0, 1, 3, 4, 0]);
  });

  it('prints a page for people, with the commands, and leaves out what is well on demand', () => {
    const report = reportOf('ok', 'note', 'error', 'error');
    assert.deepEqual(pageText(report, false).split('\n'), [
      'ok        some-check  it is ok',
      '      # mend it',
      'note      some-check  it is note',
      '      # mend it',
      'error     some-check  it is error',
      '      # mend it',
      'error     some-check  it is error',
      '      # mend it',
      '',
      '1 checks: 2 errors, 1 note',
      '',
    ]);
    assert.doesNotMatch(pageText(report, true), /it is ok|checks:/);
    assert.equal(pageText(reportOf('ok'), true), '');
    const long = makeReport('rules', [
      { name: 'x', findings: [{ level: 'error', text: 'word '.repeat(60).trim(), command: '' }] },
    ]);
    for (const line of pageText(long, false).split('\n')) assert.ok(line.length <= 100, line);
  });

  it('prints JSON of a form that is checked', () => {
    const report = reportOf('warning');
    assert.deepEqual(reportSchema.parse(JSON.parse(jsonText(report))), report);
    assert.equal(reportSchema.safeParse({ ...report, level: 'fine' }).success, false);
  });

  it('names the first few of many', () => {
    assert.equal(listed(['a', 'b']), 'a, b');
    assert.equal(listed(['a', 'b', 'c', 'd', 'e', 'f']), 'a, b, c, d and 2 more');
    assert.equal(new Findings().isEmpty, true);
  });
});
