import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot, packageVersion } from '../../../src/package.js';
import { main, TOOLS, type Tool } from '../../../src/tools/main.js';

const PROGRAM = ['--import', 'tsx', join(packageRoot(), 'bin', 'uvs.ts')];

describe('uvs', () => {
  it('runs the tool that is named, with the rest of the words, and passes its status on', async () => {
    const calls: string[][] = [];
    const tool: Tool = {
      name: 'echo',
      summary: 'repeats',
      run: (argv) => {
        calls.push(argv);
        return Promise.resolve(7);
      },
    };
    assert.equal(await main(['echo', 'a', '--help'], [tool]), 7);
    assert.deepEqual(calls, [['a', '--help']]);
  });

  it('has tools that can all be loaded and explain themselves', () => {
    for (const { name } of TOOLS) {
      const help = execFileSync(process.execPath, [...PROGRAM, name, '--help'], {
        encoding: 'utf8',
      });
      assert.match(help, new RegExp(`uvs ${name}`));
    }
  });

  it('lists its tools on request, and as an error where none or a wrong one is named', () => {
    const asked = spawnSync(process.execPath, [...PROGRAM, '--help'], { encoding: 'utf8' });
    assert.equal(asked.status, 0);
    const lines = asked.stdout.split('\n').map((line) => line.trim());
    for (const { name, summary } of TOOLS) {
      assert.ok(lines.some((line) => line.startsWith(`${name} `) && line.endsWith(summary)));
    }
    assert.equal(spawnSync(process.execPath, PROGRAM).status, 2);
    const wrong = spawnSync(process.execPath, [...PROGRAM, 'fly'], { encoding: 'utf8' });
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /no tool 'fly'/);
  });

  it('says its version', () => {
    const output = execFileSync(process.execPath, [...PROGRAM, '--version'], { encoding: 'utf8' });
    assert.equal(output, `uvs ${packageVersion()}\n`);
  });
});
