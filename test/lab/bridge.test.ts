import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { Director } from '../../lab/director.js';
import { requestSeries } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { serviceRules, URL, useLab } from './support/setting.js';
import { ip } from './support/small-lab.js';

/** There where the kernel can have bridged packets pass its IPv4 hooks, as on hosts with Docker. */
const BRIDGE_FILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

describe('a director whose interface is a bridge', () => {
  const setting = useLab();

  before(async () => {
    await startWebServers(setting.lab);
    await ip(
      setting.directorHost,
      'link add br0 type bridge',
      'address flush dev int0',
      'link set int0 master br0',
      'address add 10.2.0.1/24 dev br0',
      'link set br0 up',
    );
  });

  for (const value of ['0', '1']) {
    it(`balances with bridge-nf-call-iptables=${value}`, async () => {
      const { client, directorHost } = setting;
      if (existsSync(BRIDGE_FILTER)) {
        await directorHost.output('sysctl', ['-qw', `net.bridge.bridge-nf-call-iptables=${value}`]);
      }
      const director = await Director.start(directorHost);
      await director.adm('-R', { input: serviceRules('-s rr') });
      assert.equal((await requestSeries(client, URL, 9)).length, 9);
      assert.equal(await director.stop(), 0);
    });
  }
});
