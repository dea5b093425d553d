import assert from 'node:assert/strict';
import { ControlError, type ServiceKey } from '../../../src/control/api.js';
import { ipv4ToText } from '../../../src/control/ipv4.js';
import { createLog } from '../../../src/director/log.js';
import { VipWatch } from '../../../src/director/vip-watch.js';
import { serviceKey } from '../../support/director.js';

const WEB = serviceKey(80, '10.1.0.100');
const TLS = serviceKey(443, '10.1.0.100');
const OTHER = serviceKey(80, '10.1.0.101');
const BY_MARK: ServiceKey = { ...WEB, address: '0.0.0.0', port: 0, fwmark: 7 };

describe('virtual addresses', () => {
  let local: Set<string>;
  let services: ServiceKey[];
  let asked: string[];
  let lines: string[];
  let watch: VipWatch;

  beforeEach(() => {
    local = new Set(['10.1.0.100', '10.1.0.101']);
    services = [WEB, TLS, OTHER, BY_MARK];
    asked = [];
    lines = [];
    watch = new VipWatch({
      services: async () => services,
      isLocal: async (address) => {
        asked.push(ipv4ToText(address));
        return local.has(ipv4ToText(address));
      },
      log: createLog({
        level: 'info',
        write: (line) => lines.push(line.slice(line.indexOf('Z') + 2).trimEnd()),
      }),
    });
  });

  it('that leave this host are warned of once, with all services, and so is their return', async () => {
    await watch.added(services);
    local.delete('10.1.0.100');
    await watch.look();
    await watch.look();
    assert.deepEqual(lines, [
      'warn  virtual address has left this host: clients will not reach it ' +
        'service=tcp:10.1.0.100:80,tcp:10.1.0.100:443 remedy="ip address add 10.1.0.100/32 dev INTERFACE"',
    ]);
    local.add('10.1.0.100');
    await watch.look();
    await watch.look();
    assert.deepEqual(lines.slice(1), [
      'info  virtual address is back on this host service=tcp:10.1.0.100:80,tcp:10.1.0.100:443',
    ]);
  });

  it('are asked for once, however many services there are, and not for services by mark', async () => {
    await watch.look();
    assert.deepEqual(asked, ['10.1.0.100', '10.1.0.101']);
    assert.deepEqual(lines, []);
  });

  it('that a service is added for are warned of each time', async () => {
    local.clear();
    await watch.added([WEB]);
    await watch.added([TLS]);
    await watch.look();
    const what = 'warn  virtual address is not an address of this host: clients will not reach it ';
    assert.deepEqual(
      lines.map((line) => line.slice(0, line.indexOf(' remedy'))),
      ['80', '443']
        .map((port) => `${what}service=tcp:10.1.0.100:${port}`)
        .concat([`${what}service=tcp:10.1.0.101:80`]),
    );
  });

  it('whose services are deleted are forgotten', async () => {
    local.clear();
    await watch.look();
    services = [];
    await watch.look();
    services = [WEB];
    local.add('10.1.0.100');
    await watch.look();
    assert.equal(lines.length, 2);
  });

  it('are looked at once more where they changed meanwhile, by one look at a time', async () => {
    await Promise.all([watch.look(), watch.look(), watch.look()]);
    assert.equal(asked.length, 4);
  });

  it('are left alone while the data plane is down', async () => {
    const down = new ControlError('EIO', 'down');
    let isDown = true;
    const log = createLog({ level: 'info', write: (line) => lines.push(line) });
    const isLocal = async (): Promise<boolean> => !isDown;
    const services = async (): Promise<ServiceKey[]> => {
      if (isDown) throw down;
      return [WEB];
    };
    watch = new VipWatch({ services, isLocal, log });
    await watch.look();
    isDown = false;
    await watch.look();
    assert.deepEqual(lines, []);
  });
});
