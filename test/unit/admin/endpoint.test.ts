import assert from 'node:assert/strict';
import { parseEndpoint } from '../../../src/admin/endpoint.js';
import { SOME_NAMES } from './session.js';

async function read(text: string): Promise<string> {
  const endpoint = await parseEndpoint(text, 'tcp', SOME_NAMES);
  return endpoint === null ? 'nothing' : `${endpoint.address} ${endpoint.port ?? 'no port'}`;
}

describe('parseEndpoint', () => {
  const cases: [text: string, result: string][] = [
    ['10.1.0.100:80', '10.1.0.100 80'],
    ['10.1.0.100', '10.1.0.100 no port'],
    ['10.1:http', '10.0.0.1 80'],
    ['web1:8080', '10.2.0.2 8080'],
    ['web1', '10.2.0.2 no port'],
    ['10.1.0.1: 85', '10.1.0.1 85'],
    ['10.1.0.1:+87', '10.1.0.1 87'],
    ['10.1.0.1:089', '10.1.0.1 89'],
    ['10.1.0.1 x:84', '10.1.0.1 84'],
    ['10.1.0.1 :5:84', '10.1.0.1 84'],
    ['12345:80', '0.0.48.57 80'],
    ['0x5', '0.0.0.5 no port'],
    ['::1', '::1 no port'],
    ['fd00:1::100:80', 'fd00:1::100:80 no port'],
    ['[fd00:1::0100]:http', 'fd00:1::100 80'],
    ['[10.1.0.9]:92', '10.1.0.9 no port'],
    ['[10.1.0.9:81]:92', '10.1.0.9 81'],
    ['[10.1.0.9]:', '10.1.0.9 no port'],
    ['[web1]:92', '10.2.0.2 no port'],
  ];
  for (const [text, result] of cases) {
    it(`reads ${text}`, async () => assert.equal(await read(text), result));
  }

  const invalid =
    '|:|:80|80|10.1.0.1:|10.1.0.1:65536|10.1.0.1:-1|10.1.0.1:0x50|10.1.0.1:80 |10.1.0.1:80:90|' +
    '10.1.0.1:nosuch|10.1.0.1:domain|10.1.0.1:99999999999999999999|10.1.0.x:80|nosuch:80|' +
    'fd00:1:80|fe80::1%ext|[fd00::1]|[fd00::1]80|[fd00::1]:|[fd00::1]:65536|[fd00::1]:80:90|' +
    '[fd00::1|[10.1.0.1]|[10.1.0.1]x|[]:80|[[fd00::1]]:80|x[::1]:80|[10.1.0.1:x]:80';
  for (const text of invalid.split('|')) {
    it(`refuses '${text}'`, async () => assert.equal(await read(text), 'nothing'));
  }

  it('looks up no service before a protocol is known', async () => {
    assert.equal(await parseEndpoint('10.1.0.1:http', null, SOME_NAMES), null);
    assert.equal((await parseEndpoint('10.1.0.1:80', null, SOME_NAMES))?.port, 80);
  });
});
