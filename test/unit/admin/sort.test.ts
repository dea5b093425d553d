import assert from 'node:assert/strict';
import type { DestinationEntry, ServiceEntry } from '../../../src/control/api.js';
import { mergeSort, sortDestinations, sortServices } from '../../../src/admin/sort.js';
import { Session } from './session.js';

async function services(...lines: string[]): Promise<ServiceEntry[]> {
  const session = new Session();
  for (const line of lines) assert.equal((await session.run(line)).exitCode, 0, line);
  return session.director.entries;
}

function names(entries: readonly (ServiceEntry | DestinationEntry)[]): string[] {
  return entries.map((entry) =>
    'fwmark' in entry && entry.fwmark !== 0
      ? `${entry.family} ${entry.fwmark}`
      : `${entry.address} ${entry.port}`,
  );
}

describe('sortServices', () => {
  it('goes by mark, family, protocol, address and port', async () => {
    const entries = await services(
      '-A -f 7 -6',
      '-A -f 10',
      '-A -f 7',
      '-A -t [fd00:1::100]:80',
      '-A --sctp-service 10.1.0.1:1',
      '-A -u 10.1.0.1:1',
      '-A -t 10.1.0.100:443',
      '-A -t 10.1.0.100:80',
      '-A -t 9.1.0.1:80',
      '-A -t 100.1.0.1:80',
    );
    assert.deepEqual(names(sortServices(entries)), [
      '9.1.0.1 80',
      '10.1.0.100 80',
      '10.1.0.100 443',
      '100.1.0.1 80',
      '10.1.0.1 1',
      '10.1.0.1 1',
      'fd00:1::100 80',
      'inet 7',
      'inet6 7',
      'inet 10',
    ]);
  });

  it('takes differences of 2^31 and more for negative', async () => {
    const entries = await services(
      '-A -f 1',
      '-A -f 4294967295',
      '-A -t 10.0.0.1:80',
      '-A -t 192.168.0.1:80',
    );
    assert.deepEqual(names(sortServices(entries)), [
      'inet 4294967295',
      '192.168.0.1 80',
      '10.0.0.1 80',
      'inet 1',
    ]);
  });
});

describe('sortDestinations', () => {
  it('goes by address and port, of mixed families by the left one', async () => {
    const lines = ['10.2.0.2:5', '10.2.0.2:4', '[a02:2::2]:0', '[a02:2:8000::2]:0', '[fd00::3]:0'];
    const [{ destinations }] = await services(
      '-A -f 7',
      ...['10.2.0.2', '[10::2]:0', '[fd00::2]:0'].map((address) => `-a -f 7 -i -r ${address}`),
      ...lines.map((address) => `-a -f 7 -i -r ${address}`),
    );
    const kernelOrder = [
      '10.2.0.2 4',
      '10.2.0.2 5',
      'a02:2:8000::2 0',
      'a02:2::2 0',
      '10.2.0.2 0',
      '10::2 0',
      'fd00::2 0',
      'fd00::3 0',
    ];
    const inKernelOrder = kernelOrder.map((name) => {
      const entry = destinations.find((candidate) => names([candidate])[0] === name);
      assert.ok(entry, name);
      return entry;
    });
    assert.deepEqual(names(sortDestinations(inKernelOrder)), [
      'fd00::2 0',
      'fd00::3 0',
      '10::2 0',
      'a02:2:8000::2 0',
      '10.2.0.2 0',
      'a02:2::2 0',
      '10.2.0.2 4',
      '10.2.0.2 5',
    ]);
  });
});

describe('mergeSort', () => {
  it('splits and merges as the C library does where the relation is not transitive', () => {
    const beats = new Set(['rock scissors', 'scissors paper', 'paper rock']);
    const compare = (a: string, b: string): number => (beats.has(`${a} ${b}`) ? -1 : 1);
    assert.deepEqual(mergeSort(['paper', 'scissors', 'rock'], compare), [
      'paper',
      'rock',
      'scissors',
    ]);
    assert.deepEqual(mergeSort(['scissors', 'rock', 'paper'], compare), [
      'scissors',
      'paper',
      'rock',
    ]);
  });
});
