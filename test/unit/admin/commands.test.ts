import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/package.js';
import { serveControl, type ControlServer } from '../../../src/control/server.js';
import { temporaryFolder } from '../control/memory-control.js';
import { FakeDirector } from './fake-director.js';
import type { Result } from './session.js';

/** Runs a launcher of bin/ by a link of that name, as a user would. */
function launch(command: string, words: string[], socket: string, input = ''): Promise<Result> {
  return new Promise((resolve) => {
    const options = { cwd: packageRoot(), env: { ...process.env, UVS_SOCKET: socket } };
    const argv = ['--import', 'tsx', command, ...words];
    const child = execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code);
      resolve({ exitCode, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

describe('the commands', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let socket: string;
  let director: FakeDirector;
  let server: ControlServer;

  before(async () => {
    folder = temporaryFolder();
    for (const suffix of ['', '-save', '-restore']) {
      symlinkSync(join(packageRoot(), `bin/uvsadm${suffix}.ts`), link(`ipvsadm${suffix}`));
    }
    socket = join(folder.path, 'control.sock');
    director = new FakeDirector();
    server = await serveControl({ path: socket, control: director });
  });
  after(async () => {
    await server.close();
    folder.remove();
  });

  function link(name: string): string {
    return join(folder.path, name);
  }

  it('change and show what a director has', async () => {
    const lines = '-A -t 10.1.0.100:80 -s rr\n-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 1\n';
    assert.deepEqual(await launch(link('ipvsadm-restore'), [], socket, `# rules\n${lines}`), {
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    assert.equal((await launch(link('ipvsadm-save'), ['-n'], socket)).stdout, lines);
    const refused = await launch(link('ipvsadm'), ['-A', '-t', '10.1.0.100:80'], socket);
    assert.deepEqual(refused, { exitCode: 255, stdout: '', stderr: 'Service already exists\n' });
  });

  it('give the name by which they were called', async () => {
    const { exitCode, stderr } = await launch(link('ipvsadm'), ['-n'], socket);
    assert.equal(exitCode, 255);
    assert.equal(stderr, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n");
  });

  it('say which socket they tried where there is no director, and exit with 2', async () => {
    const nowhere = join(folder.path, 'none.sock');
    assert.deepEqual(await launch(link('ipvsadm'), ['-Ln'], nowhere), {
      exitCode: 2,
      stdout: '',
      stderr:
        `Can't initialize ipvs: No director at ${nowhere}\n` +
        'Start one with uvsd, or set UVS_SOCKET\n',
    });
  });

  it('help without a director', async () => {
    const { exitCode, stdout, stderr } = await launch(link('ipvsadm'), ['-h'], '/nowhere');
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^uvsadm v\S+ \(compatible with ipvsadm v1\.31 .*\)\nUsage: ipvsadm /);
  });
});
