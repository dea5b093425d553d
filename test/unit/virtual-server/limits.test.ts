import assert from 'node:assert/strict';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
} from '../../support/director.js';

const TOO_LONG_SECONDS = 31 * 24 * 60 * 60 + 1;

describe('numbers that the tables can’t hold', () => {
  it('are refused as timeouts, and none of the three is changed', async () => {
    const server = testDirector(new Clock());
    const before = await server.timeouts();
    for (const name of ['tcpSeconds', 'tcpFinSeconds', 'udpSeconds'] as const) {
      const timeouts = { tcpSeconds: 1, tcpFinSeconds: 1, udpSeconds: 1, [name]: TOO_LONG_SECONDS };
      await assert.rejects(server.setTimeouts(timeouts), { errno: 'EINVAL' });
      assert.deepEqual(await server.timeouts(), before);
    }
  });

  it('are refused as persistence timeouts, and no service stays behind', async () => {
    const server = testDirector(new Clock());
    const settings = serviceSettings({ persistent: true, timeoutSeconds: TOO_LONG_SECONDS });
    await assert.rejects(server.addService(serviceKey(), settings), { errno: 'EINVAL' });
    assert.deepEqual(await server.services(), []);
    await server.addService(serviceKey(), serviceSettings());
    await assert.rejects(server.editService(serviceKey(), settings), { errno: 'EINVAL' });
    assert.equal((await server.service(serviceKey())).persistent, false);
  });

  it('are refused as thresholds, which would be negative', async () => {
    const server = testDirector(new Clock());
    await server.addService(serviceKey(), serviceSettings());
    const settings = destinationSettings({ upperThreshold: 0x8000_0000 });
    const adding = server.addDestination(serviceKey(), destinationKey(11), settings);
    await assert.rejects(adding, { errno: 'ERANGE' });
    assert.deepEqual((await server.service(serviceKey())).destinations, []);
  });
});
