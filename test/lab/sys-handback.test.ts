import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareLoopback } from '../../dataplane/sys/handback.js';
import { setMasquerade } from '../../dataplane/sys/masquerade.js';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { Sysctls } from '../../dataplane/sys/sysctl.js';
import { makeTestFile, requestSeries, type TestFile } from '../../lab/traffic.js';
import { WebServer } from '../../lab/webserver.js';
import { address } from '../support/frames.js';
import { HandingBack } from './support/handing-back.js';
import { inNamespace } from './support/namespace.js';
import { useSmallLab } from './support/small-lab.js';

const TABLE = 'uvs_test';
const MTU_FRAME_BYTES = 1514;
const FILE_BYTES = 50_000_000;
/** The director's web server listens on port 80, the server's on 8080, nobody on the others. */
const ENDPOINTS = {
  virtual: [80, 81].map((port) => ({ address: address('10.1.0.100'), port })),
  real: [8080, 8090, 8091, 8092, 8093].map((port) => ({ address: address('10.2.0.11'), port })),
};

describe('frames handed back to the kernel', () => {
  const lab = useSmallLab();
  let file: TestFile;
  let back: HandingBack;
  let sysctls: Sysctls;

  before(async () => {
    file = makeTestFile(lab.lab, 'big', FILE_BYTES);
    await WebServer.start(lab.lab, lab.director, { port: 80 });
    await WebServer.start(lab.lab, lab.server, { port: 8080 });
    await WebServer.start(lab.lab, lab.client, { port: 9000 });
  });

  async function setRpFilter(all: number, own: number): Promise<void> {
    const settings = [`all.rp_filter=${all}`, `lo.rp_filter=${own}`];
    const named = settings.map((setting) => `net.ipv4.conf.${setting}`);
    await lab.director.output('sysctl', ['-qw', ...named]);
  }

  async function download(url: string): Promise<string> {
    const target = join(lab.client.folder, 'download');
    await lab.client.output('curl', ['-sS', '--fail', '--max-time', '60', '-o', target, url]);
    return createHash('sha256').update(readFileSync(target)).digest('hex');
  }

  async function upload(url: string): Promise<void> {
    const args = ['-sS', '--fail', '--max-time', '60', '-T', file.path, url];
    await lab.client.output('curl', args);
  }

  for (const [all, own, freePort] of [
    [0, 0, 8090],
    [0, 1, 8091],
    [1, 0, 8092],
    [2, 1, 8093],
  ]) {
    describe(`with rp_filter ${all} for all interfaces and ${own} for lo`, () => {
      before(async () => {
        await setRpFilter(all, own);
        sysctls = new Sysctls();
        inNamespace(lab.director, () => prepareLoopback(sysctls));
        back = HandingBack.on(lab.director, TABLE, ENDPOINTS);
      });
      after(() => {
        inNamespace(lab.director, () => sysctls.restore());
        back.close();
      });
      beforeEach(() => {
        back.frames = back.longest = 0;
      });
      afterEach(() => assert.ok(back.frames > 0));

      it('are answered with RST where nobody listens', async () => {
        const result = await lab.client.run('curl', [
          '-s',
          '--max-time',
          '5',
          'http://10.1.0.100:81/',
        ]);
        assert.equal(result.exit, 7);
      });

      it('reach a local socket, super-segments too', async () => {
        assert.deepEqual(await requestSeries(lab.client, 'http://10.1.0.100/', 1), ['director']);
        await upload('http://10.1.0.100/files/up');
        assert.ok(back.longest > MTU_FRAME_BYTES);
        assert.equal(await download('http://10.1.0.100/files/up'), file.sha256);
      });

      it('are forwarded, super-segments too', async () => {
        assert.equal(await download('http://10.2.0.11:8080/files/big'), file.sha256);
        assert.ok(back.longest > MTU_FRAME_BYTES);
      });

      it('are masqueraded', async () => {
        const setting = [{ address: address('10.2.0.0'), prefixLength: 24 }];
        inNamespace(lab.director, () => setMasquerade('uvs_test_nat', setting));
        const from = ['--local-port', String(freePort)];
        const seen = await lab.server.output('curl', [
          '-sS',
          ...from,
          'http://10.1.0.2:9000/whoami',
        ]);
        assert.equal(seen, '10.1.0.1\n');
        inNamespace(lab.director, () => removeTables('uvs_test_nat'));
      });
    });
  }
});
