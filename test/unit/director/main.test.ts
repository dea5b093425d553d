import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'mocha';
import { join } from 'node:path';
import { packageVersion } from '../../../src/package.js';

const UVSD = join(import.meta.dirname, '../../../bin/uvsd.ts');

interface Outcome {
  exit: number;
  stdout: string;
  stderr: string;
}

function uvsd(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', UVSD, ...words],
      (_error, stdout, stderr) => resolve({ exit: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('uvsd, the process', () => {
  it('prints its version and its help, and ends with 0', async () => {
    const [version, help] = await Promise.all([uvsd('--version'), uvsd('--help')]);
    assert.deepEqual(version, { exit: 0, stdout: `uvsd ${packageVersion()}\n`, stderr: '' });
    assert.equal(help.exit, 0);
    assert.match(help.stdout, /^Usage: uvsd /);
  });

  it('refuses wrong options and files with a line on standard error and 2', async () => {
    const [option, file] = await Promise.all([uvsd('--fly'), uvsd('--config', '/nowhere.json')]);
    assert.deepEqual(option, {
      exit: 2,
      stdout: '',
      stderr: 'uvsd: there is no option --fly; `uvsd --help` lists them\n',
    });
    assert.equal(file.exit, 2);
    assert.match(file.stderr, /^uvsd: can't read \/nowhere\.json: .*\n$/);
  });
});
