import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, isRunning } from '../../lab/identity.js';
import { labNamespaces } from '../../lab/ip.js';
import { Lab } from '../../lab/lab.js';
import { listRecords, runFolder } from '../../lab/registry.js';
import { WebServer } from '../../lab/webserver.js';
import { packageRoot } from '../../src/package.js';
import { requireRoot } from './support/setting.js';

const LAB_MODULE = join(packageRoot(), 'lab', 'lab.ts');

/** A program that builds a lab with a daemon in it, says so and waits to be killed. */
const VICTIM = `
  import { Lab } from ${JSON.stringify(LAB_MODULE)};
  const lab = Lab.up({ id: 'victim', numbered: true });
  const daemon = lab.host('server1').daemon('sleeper', 'sleep', ['1000']);
  process.stdout.write(JSON.stringify({ id: lab.id, pid: daemon.pid }) + '\\n');
  setInterval(() => undefined, 1000);
`;

describe('a lab', () => {
  before(function () {
    requireRoot(this);
  });

  it('gives each host its addresses, gateway and MTU, and all of them a way to each other', async () => {
    const lab = Lab.up({ id: 'test', numbered: true });
    try {
      const client = lab.host('client');
      await client.output('ping', ['-c', '1', '-W', '5', '10.2.0.13']);
      const routes = await lab.host('server1').output('ip', ['route']);
      assert.match(routes, /^default via 10\.2\.0\.1 dev lan0/m);
      const links = await lab.host('director').output('ip', ['-o', 'link']);
      assert.match(links, / ext0@.* mtu 1500 /);
    } finally {
      lab.down();
    }
  });

  it('serves names and files from nginx and logs each request', async () => {
    const lab = Lab.up({ id: 'test', numbered: true });
    try {
      const server = await WebServer.start(lab, lab.host('server2'));
      const client = lab.host('client');
      assert.equal(await client.output('curl', ['-s', 'http://10.2.0.12/']), 'server2\n');
      assert.equal(await client.output('curl', ['-s', 'http://10.2.0.12/whoami']), '10.1.0.2\n');
      assert.equal(await server.stop(), 0);
      const logged = server.requests().map(({ clientAddress, path, status }) => ({
        clientAddress,
        path,
        status,
      }));
      assert.deepEqual(logged, [
        { clientAddress: '10.1.0.2', path: '/', status: 200 },
        { clientAddress: '10.1.0.2', path: '/whoami', status: 200 },
      ]);
    } finally {
      lab.down();
    }
  });

  it('is gone when taken down: processes, namespaces, files', () => {
    const lab = Lab.up({ id: 'test', numbered: true });
    const daemon = lab.host('client').daemon('sleeper', 'sleep', ['1000']);
    lab.down();
    assert.equal(isRunning(daemon.identity), false);
    assert.deepEqual(namespacesOf(lab.id), []);
    assert.equal(existsSync(runFolder(lab.id)), false);
  });

  it('refuses a name that is taken by a lab in use', () => {
    const lab = Lab.up({ id: 'test', numbered: true });
    try {
      assert.throws(() => Lab.up({ id: lab.id }), /is up already/);
      assert.equal(namespacesOf(lab.id).length, 6);
    } finally {
      lab.down();
    }
  });

  it('is removed by the next one if its maker was killed', async () => {
    const victim = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', VICTIM],
      {
        cwd: packageRoot(),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exited = new Promise((resolve) => victim.on('exit', resolve));
    const line = await new Promise<string>((resolve) =>
      victim.stdout.setEncoding('utf8').once('data', resolve),
    );
    const { id, pid } = JSON.parse(line) as { id: string; pid: number };
    const sleeper = identityOf(pid);
    assert.ok(sleeper !== undefined && namespacesOf(id).length > 0);
    victim.kill('SIGKILL');
    await exited;

    const next = Lab.up({ id: 'test', numbered: true });
    try {
      assert.equal(isRunning(sleeper), false);
      assert.deepEqual(namespacesOf(id), []);
      assert.equal(existsSync(runFolder(id)), false);
    } finally {
      next.down();
    }
  });

  it('that is kept survives the next one', () => {
    const kept = Lab.up({ id: 'test', numbered: true });
    kept.keep();
    try {
      Lab.up({ id: 'test', numbered: true }).down();
      assert.ok(listRecords().some((record) => record.id === kept.id));
      assert.equal(namespacesOf(kept.id).length, 6);
    } finally {
      kept.down();
    }
  });
});

describe('uvs lab', () => {
  const id = `cli${process.pid}`;
  before(function () {
    requireRoot(this);
  });
  after(() => {
    uvs('down', '--lab', id);
  });

  it('builds a lab that stays, runs commands in it and takes it down', () => {
    const up = uvs('up', '--lab', id, '--servers', '2', '--mtu', '9000', '--no-director');
    assert.equal(up.status, 0, up.stderr);
    assert.match(up.stdout, /server2 10\.2\.0\.12/);

    const hello = uvs('exec', '--lab', id, 'client', 'curl', '-s', 'http://10.2.0.12/');
    assert.equal(hello.stdout, 'server2\n');
    const link = uvs('exec', '--lab', id, 'director', 'ip', '-o', 'link', 'show', 'ext0');
    assert.match(link.stdout, / mtu 9000 /);
    assert.equal(uvs('exec', '--lab', id, 'client', 'sh', '-c', 'exit 7').status, 7);
    assert.match(uvs('status').stdout, new RegExp(`Lab '${id}': up`));

    assert.equal(uvs('down', '--lab', id).status, 0);
    assert.deepEqual(namespacesOf(id), []);
  });

  it('says what is wrong with a command', () => {
    const cases = [
      { words: ['fly'], status: 2, message: /no such action: fly/ },
      { words: ['up', '--servers', 'many'], status: 2, message: /must be a whole number/ },
      {
        words: ['exec', '--lab', 'nowhere', 'client', 'true'],
        status: 1,
        message: /no lab 'nowhere'/,
      },
      { words: ['up', '--lab', 'Not/A/Name'], status: 1, message: /can't name a lab/ },
    ];
    for (const { words, status, message } of cases) {
      const result = uvs(...words);
      assert.equal(result.status, status, words.join(' '));
      assert.match(result.stderr, message);
    }
  });
});

function uvs(...words: string[]) {
  const program = join(packageRoot(), 'dist', 'bin', 'uvs.js');
  return spawnSync(process.execPath, [program, 'lab', ...words], { encoding: 'utf8' });
}

function namespacesOf(id: string): string[] {
  return labNamespaces().filter((name) => name.startsWith(`uvslab-${id}-`));
}
