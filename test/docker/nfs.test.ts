import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ComposeLab, docker } from './compose.js';

const LOOK_MS = 200;

describe('the lab with its documents on an NFS server', () => {
  let lab: ComposeLab;

  before('up', async () => {
    lab = await ComposeLab.prepare('uvs-test-nfs', { files: ['docker/nfs.yml'] });
    await lab.up('nfs');
    while ((await health()) === 'starting') await pause(LOOK_MS);
  });

  after('down', () => lab.down());

  it('has the documents on the server', async () => {
    assert.equal(await health(), 'healthy');
    const document = await lab.exec(
      'nfs',
      "nfs-cat 'nfs://10.2.0.20/documents/index.html?version=4'",
    );
    assert.match(document, /^This document is the same for all servers/);
  });

  it('has each server serve them', async function () {
    if (!/\bnfs4$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
      process.stdout.write("      skipped: this host's kernel can't mount NFS\n");
      this.skip();
    }
    await lab.up();
    const loop = 'for i in 1 2 3; do curl -sS http://10.1.0.100/; done';
    const lines = (await lab.exec('client', loop)).trim().split('\n').toSorted();
    assert.deepEqual(
      lines.map((line) => /This time (server\d) has sent it/.exec(line)?.[1]),
      ['server1', 'server2', 'server3'],
    );
    assert.match(await lab.exec('server1', 'cat /proc/mounts'), / \/srv\/documents nfs4 /);
  });

  async function health(): Promise<string> {
    const container = await lab.container('nfs');
    return (await docker('inspect', '-f', '{{.State.Health.Status}}', container)).trim();
  }
});
