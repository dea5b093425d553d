import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../../lab/host.js';
import { makeTestFile, requestSeries } from '../../lab/traffic.js';
import { statisticsOf, type ListedStatistics } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';

/** Counts what a server gets from and sends to clients, in packets and bytes as IP sees them. */
const SERVER_COUNTERS = `table ip seen {
  counter received { }
  counter sent { }
  chain input { type filter hook input priority 0; ip saddr 10.1.0.0/24 tcp dport 80 counter name received; }
  chain output { type filter hook output priority 0; ip daddr 10.1.0.0/24 tcp sport 80 counter name sent; }
}
`;

describe('statistics', () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });
  before(async () => {
    for (const { host } of setting.servers) {
      await host.output('nft', ['-f', '-'], { input: SERVER_COUNTERS });
    }
  });

  it('agree with what each server has seen, to the packet and byte', async () => {
    const { client, director, servers, lab } = setting;
    const file = makeTestFile(lab, 'some', 20_000_000);
    await requestSeries(client, URL, 300);
    await client.output('curl', ['-sf', '-o', '/dev/null', `${URL}files/${file.name}`]);
    await requestSeries(client, URL, 300, { keepAlive: true });

    // Servers are listed by address, as they are in the lab. The last packets may still be on their way.
    const { shown, seen } = await eventually(
      async () => ({
        shown: statisticsOf(await director.adm('-Ln --stats --exact'), SERVICE),
        seen: await Promise.all(servers.map(({ host }) => packetsSeen(host))),
      }),
      (both) => isDeepStrictEqual(both.shown.destinations.map(packetsOf), both.seen),
    );
    assert.deepEqual(shown.destinations.map(packetsOf), seen);
    assert.equal(shown.connections, 302);
    for (const key of COLUMNS) assert.equal(shown[key], sum(shown.destinations, key), key);
  });

  it('begin anew after -Z, without disturbing what is counted as active', async () => {
    const { client, director } = setting;
    await director.adm('-Z');
    await requestSeries(client, URL, 10);
    const shown = await eventually(
      async () => statisticsOf(await director.adm('-Ln --stats --exact'), SERVICE),
      ({ connections }) => connections === 10,
    );
    assert.equal(shown.connections, 10);
  });
});

const COLUMNS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

type Packets = Omit<ListedStatistics, 'connections'>;

function packetsOf({ inPackets, outPackets, inBytes, outBytes }: ListedStatistics): Packets {
  return { inPackets, outPackets, inBytes, outBytes };
}

async function packetsSeen(host: Host): Promise<Packets> {
  const counters = await host.output('nft', ['list', 'counters', 'table', 'ip', 'seen']);
  const read = (name: string) => {
    const match = new RegExp(`counter ${name} \\{\\s*packets (\\d+) bytes (\\d+)`).exec(counters);
    assert.ok(match !== null, counters);
    return { packets: Number(match[1]), bytes: Number(match[2]) };
  };
  const received = read('received');
  const sent = read('sent');
  return {
    inPackets: received.packets,
    outPackets: sent.packets,
    inBytes: received.bytes,
    outBytes: sent.bytes,
  };
}

function sum(rows: ListedStatistics[], key: keyof ListedStatistics): number {
  return rows.reduce((total, row) => total + row[key], 0);
}
