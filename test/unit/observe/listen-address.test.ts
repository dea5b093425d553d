import assert from 'node:assert/strict';
import {
  isLoopback,
  listenAddressText,
  readListenAddress,
} from '../../../src/observe/listen-address.js';

describe('an address to listen at', () => {
  it('is that of this host alone unless another one is named', () => {
    for (const text of ['9110', ':9110', 'localhost:9110', '127.0.0.1:9110']) {
      const address = readListenAddress(text);
      assert.deepEqual(address, { host: '127.0.0.1', port: 9110 }, text);
      assert.ok(address !== null && isLoopback(address));
    }
    assert.deepEqual(readListenAddress('0.0.0.0:80'), { host: '0.0.0.0', port: 80 });
    assert.equal(isLoopback({ host: '0.0.0.0', port: 80 }), false);
  });

  it('may be one of IPv6, in brackets', () => {
    const address = readListenAddress('[::1]:9110');
    assert.deepEqual(address, { host: '::1', port: 9110 });
    assert.ok(address !== null && isLoopback(address));
    assert.equal(address && listenAddressText(address), '[::1]:9110');
  });

  it('is nothing else', () => {
    for (const text of [
      '', ':', '0', '65536', 'x', '::1:9110', '[::1]', '[10.1.0.1]:80', 'example.org:80', '10.1.0.1',
      '10.1.0.1:', '10.1.0:80', ' 9110', '9110x',
    ]) assert.equal(readListenAddress(text), null, text); // prettier-ignore
  });
});
