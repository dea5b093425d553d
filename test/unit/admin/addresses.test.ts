import assert from 'node:assert/strict';
import {
  formatIPv6,
  ipv4Word,
  ipv6Words,
  isMulticast,
  parseIPv4,
  parseIPv6,
} from '../../../src/admin/addresses.js';

describe('parseIPv4', () => {
  const valid: [text: string, address: string][] = [
    ['10.1.0.100', '10.1.0.100'],
    ['10.1', '10.0.0.1'],
    ['10.1.2', '10.1.0.2'],
    ['1.16777215', '1.255.255.255'],
    ['1.2.65535', '1.2.255.255'],
    ['167772161', '10.0.0.1'],
    ['4294967295', '255.255.255.255'],
    ['0x0a000001', '10.0.0.1'],
    ['0xA.0X1', '10.0.0.1'],
    ['010.0.0.1', '8.0.0.1'],
    ['0', '0.0.0.0'],
    ['10.0.0.1 whatever', '10.0.0.1'],
  ];
  for (const [text, address] of valid) {
    it(`reads ${text}`, () => assert.equal(parseIPv4(text), address));
  }

  const invalid =
    '|10.0.0.256|256.1|1.16777216|1.2.65536|4294967296|10.0.0.1.|10.0.0.1.2|1..2|..|0x|10.0.0.08|-1|' +
    ' 10.0.0.1|10.0.0.x|::1';
  for (const text of invalid.split('|')) {
    it(`refuses '${text}'`, () => assert.equal(parseIPv4(text), null));
  }
});

describe('parseIPv6', () => {
  const valid: [text: string, address: string][] = [
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['fd00:1:0::0101', 'fd00:1::101'],
    ['fd00::', 'fd00::'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::ffff:102:304', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['0:0:0:0:0:0:1:1', '::0.1.0.1'],
    ['::fffe:1:2', '::fffe:1:2'],
  ];
  for (const [text, address] of valid) {
    it(`reads ${text}`, () => assert.equal(parseIPv6(text), address));
  }

  const invalid =
    '|1|10.0.0.1|1::2::3|12345::|g::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|fe80::1%lo|[::1]|::1 |:1::';
  for (const text of invalid.split('|')) {
    it(`refuses '${text}'`, () => assert.equal(parseIPv6(text), null));
  }
});

describe('words of addresses', () => {
  it('are unsigned', () => {
    assert.equal(ipv4Word('192.168.0.1'), 0xc0a80001);
    assert.deepEqual(ipv6Words('ff00:1::fffe:2'), [0xff000001, 0, 0, 0xfffe0002]);
    assert.equal(formatIPv6([0xff000001, 0, 0, 0xfffe0002]), 'ff00:1::fffe:2');
  });
});

describe('isMulticast', () => {
  it('knows the groups of both families, written plainly', () => {
    assert.ok(isMulticast('inet', '224.0.0.81'));
    assert.ok(isMulticast('inet6', 'ff02::1'));
    for (const text of ['1.2.3.4', '240.0.0.1', '224.1', '224.0.0.081', 'x', '']) {
      assert.equal(isMulticast('inet', text), false, text);
    }
    for (const text of ['fd00::1', 'ff05::1%ext', 'x:y']) {
      assert.equal(isMulticast('inet6', text), false, text);
    }
  });
});
