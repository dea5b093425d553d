import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { connect } from '../../../src/control/client.js';
import { serveControl, type ControlServer } from '../../../src/control/server.js';
import { runRules } from '../../../src/rules/rules-file.js';
import { run } from '../../../src/tools/apply.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { Clock, testDirector } from '../../support/director.js';
import { temporaryFolder } from '../control/memory-control.js';

const PRESENT = `-A -t 10.1.0.100:80 -s rr
-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 1
-a -t 10.1.0.100:80 -r 10.2.0.3:80 -m -w 1
`;
const WANTED = PRESENT.replace('10.2.0.3:80 -m -w 1', '10.2.0.4:80 -m -w 7');

describe('uvs apply', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  let director: VirtualServer;
  let server: ControlServer;

  beforeEach(async () => {
    folder = temporaryFolder();
    file = join(folder.path, 'rules');
    writeFileSync(file, WANTED);
    director = testDirector(new Clock());
    await runRules('present', PRESENT, director);
    server = await serveControl({ path: join(folder.path, 'control.sock'), control: director });
  });

  afterEach(async () => {
    await server.close();
    folder.remove();
  });

  async function apply(...words: string[]) {
    const output = { exitCode: 0, stdout: '', stderr: '' };
    output.exitCode = await run(words, {
      stdout: { write: (text) => (output.stdout += text) },
      stderr: { write: (text) => (output.stderr += text) },
      readInput: () => WANTED,
      open: () => connect(join(folder.path, 'control.sock')),
    });
    return { ...output, stderr: output.stderr.replaceAll(file, 'FILE') };
  }

  async function servers(): Promise<string[]> {
    const [service] = await director.services();
    return service.destinations.map(({ address, weight }) => `${address} ${weight}`);
  }

  /** As if the server had connections. */
  function connect3(active: number, inactive: number): void {
    const { destinations, services } = director.state;
    const third = services.first(1);
    for (let i = 0; i < active + inactive; i++) destinations.bind(third, false);
    for (let i = 0; i < active; i++) destinations.activate(third);
  }

  it('shows what differs, makes it so, and has nothing to do then', async () => {
    connect3(2, 1);
    assert.deepEqual(await apply(file), {
      exitCode: 0,
      stdout: [
        '- -d -t 10.1.0.100:80 -r 10.2.0.3:80   (3 connections)',
        '+ -a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 7',
        '1 server added, 1 server deleted',
        '3 connections to deleted servers: they go on to their end',
        '',
      ].join('\n'),
      stderr: '',
    });
    assert.deepEqual(await servers(), ['10.2.0.4 7', '10.2.0.2 1']);
    assert.deepEqual(await apply(file), { exitCode: 0, stdout: 'nothing differs\n', stderr: '' });
  });

  it('says that connections are cut off where the settings say so', async () => {
    await director.setSetting('expire_nodest_conn', 1);
    connect3(1, 0);
    const { stdout } = await apply('--dry-run', file);
    assert.match(
      stdout,
      /^1 connection to deleted servers: expire_nodest_conn is on, they are cut/m,
    );
  });

  it('only shows it with --dry-run', async () => {
    const { exitCode, stdout } = await apply('--dry-run', file);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /^\+ -a .*\n1 server added, 1 server deleted; not done, this is a dry run$/m,
    );
    assert.deepEqual(await servers(), ['10.2.0.3 1', '10.2.0.2 1']);
  });

  it('reads standard input, and is quiet if told so', async () => {
    assert.deepEqual(await apply('-q', '-'), { exitCode: 0, stdout: '', stderr: '' });
    assert.deepEqual(await servers(), ['10.2.0.4 7', '10.2.0.2 1']);
  });

  it('prints JSON for programs', async () => {
    const answer = JSON.parse((await apply('--json', file)).stdout);
    assert.equal(answer.applied, true);
    assert.equal(answer.timeouts, null);
    assert.deepEqual(
      answer.changes.map((one: Record<string, unknown>) => [one.change, one.command]),
      [
        ['deleteDestination', '-d -t 10.1.0.100:80 -r 10.2.0.3:80'],
        ['addDestination', '-a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 7'],
      ],
    );
    assert.equal(answer.changes[0].before.weight, 1);
    assert.equal(JSON.parse((await apply('--json', file)).stdout).applied, false);
  });

  it('changes nothing where a line is wrong, and names file and line', async () => {
    writeFileSync(file, `${WANTED}\n# comment\n-a -t 10.1.0.100:81 -r 10.2.0.2 -m\n`);
    assert.deepEqual(await apply(file), {
      exitCode: 2,
      stdout: '',
      stderr: 'FILE:6: Service not defined\nuvs apply: the rules are wrong, nothing was changed\n',
    });
    assert.deepEqual(await servers(), ['10.2.0.3 1', '10.2.0.2 1']);
    const { exitCode, stderr } = await apply(join(folder.path, 'none'));
    assert.equal(exitCode, 2);
    assert.match(stderr, /^can't read the rules in .*ENOENT/);
  });

  it('changes nothing where the director refuses', async () => {
    const many = Array.from(
      { length: 300 },
      (_, i) => `-a -t 10.1.0.100:80 -r 10.2.1.2:${i + 1} -m`,
    );
    writeFileSync(file, `${WANTED}${many.join('\n')}`);
    const { exitCode, stdout, stderr } = await apply(file);
    assert.equal(exitCode, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^uvs apply: change \d+ \(addDestination 10\.2\.1\.2:\d+ of .*\): no room .*\nuvs apply: nothing was changed\n$/,
    );
    assert.deepEqual(await servers(), ['10.2.0.3 1', '10.2.0.2 1']);
  });

  it('wants one file', async () => {
    for (const words of [[], [file, file], ['--all', file]]) {
      const { exitCode, stderr } = await apply(...words);
      assert.equal(exitCode, 2);
      assert.match(stderr, /^uvs apply: .*\nTry `uvs apply --help`\.\n$/);
    }
    assert.match((await apply('--help')).stdout, /^Usage: uvs apply /);
  });

  it('says that there is no director, and what to do', async () => {
    await server.close();
    const { exitCode, stderr } = await apply(file);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^uvs apply: No director at .*\nStart one with uvsd, or set UVS_SOCKET\n$/,
    );
  });
});
