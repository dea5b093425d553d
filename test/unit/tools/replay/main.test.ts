import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../../src/tools/replay/main.js';

const step = (adm: string, stdout = '') => ({ at: 0, adm, exit: 0, stdout, stderr: '' });
const scenario = (name: string, ...steps: object[]) =>
  JSON.stringify({ name, about: '', family: name.split('-')[0], steps });
const AGREES = scenario('a-agrees', step('-C'));
const DIFFERS = scenario('d-differs', ...Array.from({ length: 5 }, () => step('-C', 'x\n')));
const UNSUPPORTED = scenario('u-unsupported', step('-A -u 10.1.0.100:53'));

describe('uvs replay', () => {
  let folder = '';
  let stdout = '';
  let stderr = '';
  /** Runs the tool and collects what it writes. */
  const replay = (...argv: string[]): Promise<number> => {
    stdout = '';
    stderr = '';
    return run(argv, {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    });
  };
  const put = (...scenarios: string[]) => {
    const file = join(folder, 'f.jsonl');
    writeFileSync(file, scenarios.join('\n'));
    return file;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-replay-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('exits with 0 if all agree', async () => {
    assert.equal(await replay(put(AGREES, AGREES)), 0);
    assert.equal(stdout, '2 scenarios: 2 agree, 0 differ, 0 not supported\n');
  });

  it('exits with 1 if one differs, and shows how', async () => {
    const file = put(AGREES, DIFFERS);
    assert.equal(await replay(file), 1);
    assert.equal(
      stdout,
      [
        `d-differs (${file}:2): differs`,
        ...[1, 2, 3].flatMap((number) => [
          `  step ${number} at 0 ms: ipvsadm -C`,
          '    stdout',
          '      recorded  "x"',
        ]),
        '  and 2 more (--all shows them)',
        '2 scenarios: 1 agree, 1 differ, 0 not supported',
        '',
      ].join('\n'),
    );
    await replay('--all', file);
    assert.match(stdout, /step 5/);
  });

  it('cuts long differences short unless all is asked for', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n');
    const file = put(scenario('l-long', step('-C', lines)));
    await replay(file);
    assert.match(stdout, /"line 11"\n +\(8 more lines\)\n/);
    await replay('--all', file);
    assert.match(stdout, /"line 19"\n/);
  });

  it('exits with 1 if one isn’t supported, and says why', async () => {
    assert.equal(await replay(put(AGREES, UNSUPPORTED)), 1);
    assert.match(stdout, /^u-unsupported \(.*f\.jsonl:2\): not supported: UDP/m);
    assert.match(stdout, /1 agree, 0 differ, 1 not supported/);
  });

  it('names the scenarios that agree if asked', async () => {
    const file = put(AGREES);
    await replay('--verbose', file);
    assert.match(stdout, /^a-agrees \(.*\): agrees\n/);
  });

  it('plays the families that are asked for', async () => {
    const file = put(AGREES, DIFFERS, UNSUPPORTED);
    assert.equal(await replay('--family', 'a', file), 0);
    assert.equal(await replay('--family', 'a', '--family', 'd', file), 1);
    assert.equal(await replay('--family', 'none', file), 2);
    assert.match(stderr, /no scenarios of this family/);
  });

  it('speaks JSON', async () => {
    assert.equal(await replay('--json', put(AGREES, DIFFERS, UNSUPPORTED)), 1);
    const { summary, scenarios } = JSON.parse(stdout);
    assert.deepEqual(summary, { agrees: 1, differs: 1, unsupported: 1 });
    assert.deepEqual(
      scenarios.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]),
      [
        ['a-agrees', 'agrees'],
        ['d-differs', 'differs'],
        ['u-unsupported', 'unsupported'],
      ],
    );
    assert.deepEqual(scenarios[1].differences[0], {
      step: 1,
      atMs: 0,
      cause: 'ipvsadm -C',
      what: 'stdout',
      recorded: ['"x"'],
      came: [],
    });
    assert.match(scenarios[2].reason, /UDP/);
  });

  it('exits with 2 on a bad file, and names it', async () => {
    const file = put('{"name": "x"}');
    assert.equal(await replay(file), 2);
    assert.match(stderr, /^uvs replay: .*f\.jsonl:1: about: /);
  });

  it('exits with 2 on a wrong command line', async () => {
    assert.equal(await replay(), 2);
    assert.match(stderr, /no scenario files are named\nTry `uvs replay --help`/);
    assert.equal(await replay('--colour', 'x'), 2);
    assert.match(stderr, /--colour/);
  });

  it('explains itself', async () => {
    assert.equal(await replay('--help'), 0);
    assert.match(stdout, /^Usage: uvs replay/);
  });
});
