import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot, packageVersion } from '../../src/package.js';
import { TOOLS } from '../../src/tools/main.js';

const MAN = '/usr/bin/man';
const PAGES = ['uvs', 'uvsadm', 'uvsd'];

interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

describe('the package', () => {
  let folder: string;
  let files: string[];

  before('packed and installed', async () => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-package-'));
    // dist/ is there already, and the tests beside this one run from it.
    const packed = await npm('pack', '--ignore-scripts', '--json', '--pack-destination', folder);
    const [{ filename, files: list }] = JSON.parse(packed) as [
      { filename: string; files: { path: string }[] },
    ];
    files = list.map(({ path }) => path);
    // Nothing that a director needs is compiled at installation.
    const options = ['--global', '--prefix', folder, '--ignore-scripts', '--prefer-offline'];
    await npm('install', ...options, join(folder, filename));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds the programs, the units and the manual, but neither tests nor measurements', () => {
    for (const file of ['packaging/systemd/uvsd.service', 'LICENSE', 'docs/GUIDE.md']) {
      assert.ok(files.includes(file), file);
    }
    assert.deepEqual(
      files.filter((file) => /^(dist\/)?(bench|fuzz|sim|test)\/|\.(map|ts)$/.test(file)),
      [],
    );
  });

  it('puts the commands on the PATH', async () => {
    const version = packageVersion();
    assert.equal((await command('uvsd', '--version')).stdout, `uvsd ${version}\n`);
    assert.equal((await command('uvs', '--version')).stdout, `uvs ${version}\n`);
    assert.match((await command('uvsadm', '--version')).stdout, new RegExp(`^uvsadm v${version} `));
  });

  it('has every tool of uvs in it', async () => {
    for (const { name } of TOOLS) {
      const { status, stdout } = await command('uvs', name, '--help');
      assert.equal(status, 0, name);
      assert.match(stdout, new RegExp(`^Usage: uvs ${name}\\s`));
    }
  });

  it('has all files of the status page in it, the charts as well', async () => {
    const module = join(folder, 'lib/node_modules/uvs/dist/src/observe/page/page-files.js');
    const program = `const { PageFiles, PAGE_PATHS } = await import(${JSON.stringify(module)});
      const files = new PageFiles();
      for (const path of PAGE_PATHS) console.log(path, files.answer(path).body.length > 100);`;
    const { stdout, stderr } = await execute(process.execPath, [
      '--input-type=module',
      '-e',
      program,
    ]);
    assert.equal(stderr, '');
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length >= 8 && lines.every((line) => line.endsWith(' true')), stdout);
  });

  it('says what to do where there is no director', async () => {
    for (const words of [['uvsadm', '-Ln'], ['uvsadm-save', '-n'], ['uvsadm-restore']]) {
      const { status, stderr } = await command(...(words as [string]));
      assert.equal(status, 2);
      assert.match(stderr, /^Can't initialize ipvs: No director at .*\nStart one with uvsd/);
    }
  });

  it('runs a director', async () => {
    const state = join(folder, 'state');
    const { status, stdout, stderr } = await command('uvsd', '--check', '--state-dir', state);
    // Whether this host would do is another question; that it was looked at takes the native library.
    assert.ok(status <= 1, stderr);
    assert.match(`${stdout}${stderr}`, /uvsd could start|uvsd: /);
    assert.doesNotMatch(stderr, /Cannot find|koffi/);
  });

  it('brings manual pages that name every option and tool', async function () {
    const pages = PAGES.map((name) => join(folder, 'share/man/man8', `${name}.8`));
    const [uvs, uvsadm, uvsd] = pages.map((page) => plain(readFileSync(page, 'utf8')));
    for (const { name, summary } of TOOLS) assert.ok(uvs.includes(`${name}\n${summary}`), name);
    for (const option of optionsOf((await command('uvsd', '--help')).stdout)) {
      assert.ok(uvsd.includes(`.B ${option}`), option);
    }
    for (const option of optionsOf((await command('uvsadm', '-h')).stdout)) {
      assert.ok(uvsadm.includes(`.B ${option}`), option);
    }
    if (!existsSync(MAN)) return;
    for (const page of pages) {
      const { status, stdout, stderr } = await execute(MAN, ['--warnings', '-l', page]);
      assert.equal(status, 0);
      assert.equal(stderr, '');
      assert.match(stdout, /^SEE ALSO$/m);
    }
  });

  function command(name: string, ...words: string[]): Promise<Result> {
    const program = join(folder, 'bin', name);
    accessSync(program, constants.X_OK);
    return execute(program, words, { UVS_SOCKET: join(folder, 'nobody.sock') });
  }
});

async function npm(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await execute('npm', words);
  assert.equal(status, 0, stderr);
  return stdout;
}

function execute(program: string, words: string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return new Promise((resolve) => {
    const options = { cwd: packageRoot(), env: { ...process.env, LC_ALL: 'C', ...env } };
    const child = execFile(program, words, options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** "--log-level LEVEL" of "  --log-level LEVEL    error, warn, info, debug". */
function optionsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}(-\S.*?) {2,}\S/gm)].map((match) => match[1]);
}

/** A page without the backslashes that roff needs. */
function plain(page: string): string {
  return page.replaceAll('\\-', '-').replaceAll('\\&', '').replaceAll('\\e', '\\');
}
