import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemNames } from '../../../src/admin/system-names.js';

const SERVICES = `# Network services
http\t\t80/tcp\t\twww\t\t# WorldWideWeb HTTP
domain\t\t53/tcp
domain\t\t53/udp
http-alt\t8080/tcp\twebcache
first\t\t9/udp
second\t\t9/udp\t\tfirst
broken
`;

describe('SystemNames', () => {
  let folder: string;
  let names: SystemNames;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-test-'));
    const file = join(folder, 'services');
    writeFileSync(file, SERVICES);
    names = new SystemNames(file);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('finds ports by the names and aliases of a protocol', async () => {
    assert.equal(await names.servicePort('http', 'tcp'), 80);
    assert.equal(await names.servicePort('www', 'tcp'), 80);
    assert.equal(await names.servicePort('domain', 'udp'), 53);
    assert.equal(await names.servicePort('http', 'udp'), null);
    assert.equal(await names.servicePort('HTTP', 'tcp'), null);
    assert.equal(await names.servicePort('broken', 'tcp'), null);
  });

  it('finds the first name of a port', async () => {
    assert.equal(await names.serviceName(80, 'tcp'), 'http');
    assert.equal(await names.serviceName(9, 'udp'), 'first');
    assert.equal(await names.serviceName(80, 'sctp'), null);
  });

  it('knows no service where there is no file', async () => {
    assert.equal(await new SystemNames(join(folder, 'none')).servicePort('http', 'tcp'), null);
  });

  it('asks the system for hosts', async () => {
    assert.equal(await names.hostAddress('localhost'), '127.0.0.1');
    assert.equal(await names.hostAddress(''), null);
    assert.equal(await names.hostName('127.0.0.1'), 'localhost');
    assert.equal(await names.hostName('not an address'), null);
  });
});
