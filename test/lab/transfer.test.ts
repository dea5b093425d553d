import assert from 'node:assert/strict';
import { join } from 'node:path';
import { makeTestFile, type TestFile } from '../../lab/traffic.js';
import { serviceRules, URL, useDirector } from './support/setting.js';

const GIGABYTE = 1_000_000_000;

for (const mtu of [1500, 9000]) {
  describe(`a transfer of 1 GB at an MTU of ${mtu}`, () => {
    const setting = useDirector({ mtu, rules: serviceRules('-s rr') });
    let file: TestFile;
    before(() => {
      file = makeTestFile(setting.lab, 'gigabyte', GIGABYTE);
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
