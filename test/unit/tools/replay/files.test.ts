import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readScenarios } from '../../../../src/tools/replay/files.js';
import { ScenarioError } from '../../../../src/tools/replay/scenario.js';

const text = (name: string) =>
  JSON.stringify({
    name,
    about: '',
    family: 'x',
    steps: [{ at: 0, adm: '-C', exit: 0, stdout: '', stderr: '' }],
  });

describe('readScenarios', () => {
  let folder = '';
  const put = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const read = (...paths: string[]) =>
    [...readScenarios(paths)].map(({ scenario, place }) => [
      scenario.name,
      place.slice(folder.length + 1),
    ]);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-replay-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('reads a file with one scenario, also over several lines and gzipped', () => {
    const lines = JSON.stringify(JSON.parse(text('a')), null, 1);
    assert.deepEqual(read(put('a.json', lines)), [['a', 'a.json']]);
    assert.deepEqual(read(put('a.json.gz', gzipSync(lines))), [['a', 'a.json.gz']]);
  });

  it('reads a scenario a line', () => {
    const lines = `${text('a')}\n\n${text('b')}\n`;
    assert.deepEqual(read(put('f.jsonl', lines)), [
      ['a', 'f.jsonl:1'],
      ['b', 'f.jsonl:3'],
    ]);
    assert.deepEqual(read(put('g.jsonl.gz', gzipSync(lines))), [
      ['a', 'g.jsonl.gz:1'],
      ['b', 'g.jsonl.gz:3'],
    ]);
  });

  it('reads all scenario files of a folder and the folders in it, by name', () => {
    mkdirSync(join(folder, 'm'));
    put('z.json', text('z'));
    put('m/n.jsonl', text('n'));
    put('a.json', text('a'));
    put('README.md', 'not one');
    assert.deepEqual(
      read(folder).map(([name]) => name),
      ['a', 'n', 'z'],
    );
  });

  it('reads what is named, whatever its name', () => {
    assert.deepEqual(read(put('scenario', text('a'))), [['a', 'scenario']]);
  });

  const badFile = (path: string, problem: RegExp) => {
    assert.throws(
      () => read(path),
      (error: Error) => error instanceof ScenarioError && problem.test(error.message),
    );
  };

  it('says where a file is no JSON', () => {
    badFile(put('a.jsonl', `${text('a')}\n{`), /a\.jsonl:2: .*JSON/);
  });

  it('says where a file is no gzip', () => {
    badFile(put('a.json.gz', text('a')), /a\.json\.gz: incorrect header/);
  });

  it('says that a file or folder isn’t there', () => {
    badFile(join(folder, 'none'), /none: ENOENT/);
  });

  it('says that a folder has no scenario files', () => {
    badFile(folder, /no scenario files here/);
  });
});
