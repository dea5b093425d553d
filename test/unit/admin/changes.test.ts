import assert from 'node:assert/strict';
import type { DestinationEntry, ServiceEntry } from '../../../src/control/api.js';
import { Session } from './session.js';

async function after(...lines: string[]): Promise<Session> {
  const session = new Session();
  for (const line of lines) {
    assert.deepEqual(await session.run(line), { exitCode: 0, stdout: '', stderr: '' }, line);
  }
  return session;
}

async function service(line: string): Promise<ServiceEntry> {
  return (await after(line)).director.entries[0];
}

async function mask(line: string): Promise<string> {
  return (await service(line)).netmask;
}

async function flags(line: string): Promise<number> {
  return (await service(line)).schedulerFlags;
}

/** The server that the lines leave behind in a service with that address. */
async function server(key: string, ...lines: string[]): Promise<DestinationEntry> {
  const session = await after(`-A ${key} -s rr`, ...lines);
  return session.director.entries[0].destinations[0];
}

describe('-A and -E', () => {
  it('default to wlc, no persistence, and a mask of the whole address', async () => {
    const { scheduler, persistent, netmask, onePacket } = await service('-A -t 10.1.0.100:80');
    assert.deepEqual(
      [scheduler, persistent, netmask, onePacket],
      ['wlc', false, '255.255.255.255', false],
    );
    assert.equal((await service("-A -t 10.1.0.100:80 -s ''")).scheduler, 'wlc');
    assert.equal((await service('-A -f 3 -6')).netmask, '128');
  });

  it('take six minutes for -p alone', async () => {
    assert.equal((await service('-A -t 10.1.0.100:0 -p')).timeoutSeconds, 360);
    assert.equal((await service('-A -t 10.1.0.100:0 -p 010')).timeoutSeconds, 10);
  });

  it('read a mask as an address, or as a prefix length after an IPv6 address', async () => {
    assert.equal(await mask('-A -t 10.1.0.100:80 -p -M 24'), '0.0.0.24');
    assert.equal(await mask('-A -M 255.255 -t 10.1.0.100:80 -p'), '255.0.0.255');
    assert.equal(await mask('-A -t [fd00::1]:80 -p -M 64x'), '64');
    assert.equal(await mask('-A -M 64 -t [fd00::1]:80 -p'), '128');
    assert.equal(await mask('-A -f 9 -M 64 -6 -p'), '128');
  });

  it('read flags by their names, for the scheduler wherever it is given', async () => {
    assert.equal(await flags('-A -t 1.1:80 -b flag-1,,flag-3'), 8 | 32);
    assert.equal(await flags('-A -t 1.1:80 -b sh-port,sh-fallback -s sh'), 8 | 16);
    assert.equal(await flags('-A -t 1.1:80 -s mh -b mh-port,flag-2'), 16);
  });

  it('reset what they are not told', async () => {
    const key = '-t 10.1.0.100:80';
    const session = await after(`-A ${key} -s sh -b sh-port -p 5 -M 255.0.0.0`, `-E ${key}`);
    const [entry] = session.director.entries;
    assert.deepEqual(
      [entry.scheduler, entry.schedulerFlags, entry.persistent, entry.netmask],
      ['wlc', 0, false, '255.255.255.255'],
    );
  });
});

describe('-a and -e', () => {
  const key = '-t 10.1.0.100:80';

  it('default to weight 1 and direct routing, also for what was otherwise', async () => {
    const { forwarding, weight, upperThreshold, tunnel } = await server(
      key,
      `-a ${key} -r 10.2.0.2 -i -w 7 -x 9 --tun-type gre --tun-csum`,
      `-e ${key} -r 10.2.0.2`,
    );
    assert.deepEqual([forwarding, weight, upperThreshold], ['route', 1, 0]);
    assert.deepEqual(tunnel, { type: 'ipip', port: 0, checksum: 'none' });
  });

  it('give a server the port of the service, where it has no other or can have no other', async () => {
    const port = async (line: string): Promise<number> => (await server(key, line)).port;
    assert.equal(await port(`-a ${key} -r 10.2.0.2 -m`), 80);
    assert.equal(await port(`-a ${key} -r 10.2.0.2:0 -m`), 0);
    assert.equal(await port(`-a ${key} -r 10.2.0.2:81 -m`), 81);
    assert.equal(await port(`-a ${key} -r 10.2.0.2:81 -g`), 80);
    assert.equal(await port(`-a ${key} -r 10.2.0.2:81 -i`), 80);
    assert.equal(await port(`-a -r 10.2.0.2 ${key} -m`), 0);
    assert.equal((await server('-f 5', '-a -f 5 -r 10.2.0.2 -g')).port, 0);
    assert.equal((await server('-f 5', '-a -f 5 -r 10.2.0.2:81 -g')).port, 81);
  });

  it('take a server of the other family through a tunnel', async () => {
    assert.equal((await server(key, `-a ${key} -r fd00::2 -i`)).family, 'inet6');
  });
});

describe('-d', () => {
  it('looks for the port that is written, whatever the forwarding', async () => {
    const key = '-t 10.1.0.100:80';
    const session = await after(`-A ${key}`, `-a ${key} -r 10.2.0.2:81 -g`);
    assert.equal((await session.run(`-d ${key} -r 10.2.0.2:81`)).exitCode, 255);
    assert.equal((await session.run(`-d ${key} -r 10.2.0.2`)).exitCode, 0);
    assert.deepEqual(session.director.entries[0].destinations, []);
  });
});

describe('-Z', () => {
  it('is for one service, or for all where none or an unspecified one is given', async () => {
    const session = await after('-A -t 10.1.0.100:80', '-Z', '-Z -t 0.0.0.0:0', '-Z -u ::');
    await session.run('-Z -t 10.1.0.100:80');
    assert.deepEqual(
      session.director.zeroed.map((key) => key?.address),
      [undefined, undefined, undefined, '10.1.0.100'],
    );
  });
});

describe('-C and -D', () => {
  it('delete all services, and one', async () => {
    const session = await after('-A -f 1', '-A -f 2', '-A -f 2 -6', '-D -f 2');
    assert.deepEqual(
      session.director.entries.map(({ family, fwmark }) => [family, fwmark]),
      [
        ['inet6', 2],
        ['inet', 1],
      ],
    );
    await session.run('-C');
    assert.deepEqual(session.director.entries, []);
  });
});
