import assert from 'node:assert/strict';
import { join } from 'node:path';
import { makeTestFile, type TestFile } from '../../lab/traffic.js';
import { serviceRules, URL, useDirector } from './support/setting.js';

const CASES = [
  { driver: 'ring', mtu: 1500, bytes: 1_000_000_000 },
  { driver: 'ring', mtu: 9000, bytes: 1_000_000_000 },
  { driver: 'pcap', mtu: 1500, bytes: 200_000_000 },
  { driver: 'pcap', mtu: 9000, bytes: 200_000_000 },
] as const;

for (const { driver, mtu, bytes } of CASES) {
  describe(`a transfer of ${bytes / 1e6} MB at an MTU of ${mtu} (${driver})`, () => {
    const setting = useDirector({ driver, mtu, rules: serviceRules('-s rr') });
    let file: TestFile;
    before(() => {
      file = makeTestFile(setting.lab, 'large', bytes);
    });

    it('from server to client arrives as it was sent', async () => {
      const command = `curl --silent --fail ${URL}files/${file.name} | sha256sum`;
      const output = await setting.client.output('sh', ['-c', command]);
      assert.equal(output, `${file.sha256}  -\n`);
    });

    it('from client to server arrives as it was sent', async () => {
      const upload = ['--silent', '--fail', '--upload-file', file.path, `${URL}files/uploaded`];
      await setting.client.output('curl', upload);
      const stored = join(setting.lab.dataFolder(), 'uploaded');
      const output = await setting.client.output('sha256sum', [stored]);
      assert.equal(output, `${file.sha256}  ${stored}\n`);
    });
  });
}
