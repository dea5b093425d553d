import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Flood, swallowAnswers } from '../../bench/overload/flood.js';
import type { Host } from '../../lab/host.js';
import { VIP } from '../../lab/plan.js';
import { makeTestFile, requestSeries } from '../../lab/traffic.js';
import type { LabProcess } from '../../lab/process.js';
import type { Counters } from '../../src/control/api.js';
import {
  eventually,
  serviceRules,
  SERVICE,
  URL,
  useDirector,
  type Setting,
} from './support/setting.js';
import { talk } from './support/talk.js';

const RULES = serviceRules('-s rr');
const TARGET = { target: VIP, port: 80 };
/** Longer than any of these tests takes. */
const SECONDS = 60;

async function statusOf({ directorHost }: Setting): Promise<Counters> {
  return JSON.parse(await directorHost.output('uvs', ['status', '--json'])) as Counters;
}

function total(counters: Counters, ...keys: (keyof Counters['interfaces'][number])[]): number {
  const numbers = counters.interfaces.flatMap((one) => keys.map((key) => Number(one[key])));
  return numbers.reduce((sum, number) => sum + number, 0);
}

function dropped({ drops }: Counters): number {
  return Object.values(drops).reduce((sum, number) => sum + number, 0);
}

/** Connections that stay open. */
async function keepOpen(client: Host, count: number): Promise<LabProcess[]> {
  const talkers = Array.from({ length: count }, () => talk(client, VIP, 80));
  await Promise.all(talkers.map((talker) => talker.output(/connected/)));
  return talkers;
}

/** Each gets an answer, on the connection that it has. */
async function use(talkers: readonly LabProcess[]): Promise<void> {
  for (const talker of talkers) {
    talker.write('get\n');
    await talker.output(/data/);
    assert.doesNotMatch(talker.stdout, /reset|end|error/);
  }
}

describe('a flood of SYNs', () => {
  // A table of this size is defended from 8192 SYNs on: so many are looked at on a busy machine, too.
  const setting = useDirector({ rules: RULES, uvsd: ['--max-connections', '200000'] });
  before(async () => {
    const { client, directorHost } = setting;
    await swallowAnswers(directorHost, client);
    await directorHost.output('nft', ['-f', '-'], { input: COUNTERS });
    await client.output('nft', ['-f', '-'], { input: CLIENT_COUNTERS });
  });

  it('neither disturbs a transfer nor connections that are open', async () => {
    const { client, lab } = setting;
    const file = makeTestFile(lab, 'large', 300_000_000);
    const talkers = await keepOpen(client, 3);
    const flood = await Flood.start(lab, pace('syn', 200_000));
    const command = `curl --silent --fail ${URL}files/${file.name} | sha256sum`;
    assert.equal(await client.output('sh', ['-c', command]), `${file.sha256}  -\n`);
    await use(talkers);
    await Promise.all(talkers.map((talker) => talker.stop()));
    const { sent } = await flood.stop();
    assert.ok(sent > 100_000, `${sent} SYNs`);

    // What the flood and other clients have sent has arrived, but for what the wire between had no room for.
    const others = await counted(client, 'ip sent', 'others');
    assert.ok(others > 4, `${others}`);
    const arrived = await counted(setting.directorHost, 'netdev arrivals', 'clients');
    const lost = await lostOnWire(client);
    // Questions for a neighbour may be lost on the wire as well.
    const more = arrived + lost - sent - others;
    assert.ok(more >= 0 && more < 10, `${sent} + ${others} sent, ${arrived} arrived, ${lost} lost`);
  });

  it('is counted, to the packet', async () => {
    const seen = await eventually(
      async () => ({
        counters: await statusOf(setting),
        arrived: await arrivals(setting.directorHost),
      }),
      ({ counters, arrived }) =>
        total(counters, 'receivedFrames', 'ringDrops', 'synDrops') === arrived &&
        total(counters, 'receivedFrames') ===
          total(counters, 'sentFrames', 'handedBackFrames') + dropped(counters),
    );
    const { counters, arrived } = seen;
    assert.equal(total(counters, 'receivedFrames', 'ringDrops', 'synDrops'), arrived);
    const passedOn = total(counters, 'sentFrames', 'handedBackFrames');
    assert.equal(total(counters, 'receivedFrames'), passedOn + dropped(counters));
    assert.ok(counters.drops['drop_first_syn'] > 0);
  });

  it('takes no more memory the longer it lasts', async () => {
    const { lab, director } = setting;
    const flooded = async () => {
      const flood = await Flood.start(lab, { ...pace('syn', 200_000), seconds: 2 });
      await flood.end();
      return residentKilobytes(director.daemon.pid);
    };
    const before = await flooded();
    const after = await flooded();
    assert.ok(after < before + 32_768, `${before} kB, then ${after} kB`);
  });
});

describe('a table that is full', () => {
  const setting = useDirector({ rules: RULES, uvsd: ['--max-connections', '2000'] });
  before(() => swallowAnswers(setting.directorHost, setting.client));

  it('keeps its connections, refuses others, counted, and takes new ones when there is room', async () => {
    const { client, lab } = setting;
    const talkers = await keepOpen(client, 3);
    const flood = await Flood.start(lab, { ...pace('connect', 5000), framesMax: 6000 });
    const full = await eventually(
      () => statusOf(setting),
      ({ connections, drops }) => connections.used === 2000 && drops['table_full'] > 1000,
    );
    assert.equal(full.connections.used, 2000);
    assert.ok(full.drops['table_full'] > 1000);
    await use(talkers);
    const { exit } = await client.run('curl', ['-s', '--max-time', '1', URL]);
    assert.equal(exit, 28);
    await use(talkers);
    await flood.stop();
    await eventually(
      () => statusOf(setting),
      ({ connections }) => connections.used < 2000,
    );
    assert.equal((await requestSeries(client, URL, 10)).length, 10);
    await use(talkers);
    await Promise.all(talkers.map((talker) => talker.stop()));
  });
});

describe('the defence', () => {
  const setting = useDirector({ rules: RULES, uvsd: ['--max-connections', '20000'] });
  before(() => swallowAnswers(setting.directorHost, setting.client));

  it('lets clients in while SYNs flood in, and keeps the table from filling', async () => {
    const flood = await Flood.start(setting.lab, pace('syn', 50_000));
    await eventually(
      () => statusOf(setting),
      ({ defences }) => defences.includes('drop_first_syn'),
    );
    assert.equal((await requestSeries(setting.client, URL, 3)).length, 3);
    await setting.director.daemon.logged(/overload: SYNs flood in .*halfOpen=\d+/);
    await flood.stop();
    const { connections, drops } = await statusOf(setting);
    assert.equal(drops['table_full'], 0);
    assert.ok(connections.used < 12_000, `${connections.used}`);
  });

  it('is not bothered by fragments that never become whole packets', async () => {
    const { client, lab } = setting;
    const lost = async () =>
      (await lostOnWire(client)) + total(await statusOf(setting), 'ringDrops', 'synDrops');
    const lostBefore = await lost();
    const flood = await Flood.start(lab, { ...pace('fragments', 50_000), framesMax: 50_000 });
    assert.equal((await requestSeries(client, URL, 5)).length, 5);
    const { accounted, used, capacity } = await eventually(
      async () => {
        const { drops, fragmentedPackets } = await statusOf(setting);
        const failed = drops['reassembly_failed'] + fragmentedPackets.used;
        return { accounted: failed + (await lost()) - lostBefore, ...fragmentedPackets };
      },
      (seen) => seen.accounted >= 50_000,
    );
    assert.equal((await flood.stop()).sent, 50_000);
    // The clients' own SYNs may have met a full ring as well.
    assert.ok(accounted >= 50_000 && accounted < 50_020, `${accounted}`);
    assert.equal(used, capacity);
  });

  it('bounds what waits for neighbours that are not there', async () => {
    const { client, director, lab } = setting;
    await director.adm(`-D -t ${SERVICE}`);
    await director.adm('-R', { input: RULES });
    // Answers go to addresses of the clients' own network.
    const sources = '10.1.0.128/25';
    const flood = await Flood.start(lab, { ...pace('syn', 20_000), sources, framesMax: 20_000 });
    const { parkedFrames } = await eventually(
      () => statusOf(setting),
      ({ drops }) => drops['parking_full'] > 0,
    );
    assert.ok(parkedFrames.used <= parkedFrames.capacity);
    assert.equal((await requestSeries(client, URL, 3)).length, 3);
    await flood.stop();
    assert.ok((await statusOf(setting)).drops['parking_full'] > 0);
  });
});

function pace(mode: 'syn' | 'connect' | 'fragments', framesPerSecond: number) {
  return { ...TARGET, mode, framesPerSecond, seconds: SECONDS };
}

/** What comes in for the service or from its servers, behind the director's own sockets. */
const COUNTERS = `table netdev arrivals {
  counter clients { }
  counter servers { }
  chain ext0 {
    type filter hook ingress device ext0 priority -10;
    ip daddr ${VIP} tcp dport 80 counter name clients
  }
  chain int0 {
    type filter hook ingress device int0 priority -10;
    ip saddr 10.2.0.0/24 tcp sport 80 counter name servers
  }
}
`;

/** What the client's kernel sends to the service: all but the flood. */
const CLIENT_COUNTERS = `table ip sent {
  counter others { }
  chain output { type filter hook output priority 0; ip daddr ${VIP} tcp dport 80 counter name others; }
}
`;

/** What the cable between client and director had no room for. */
async function lostOnWire(client: Host): Promise<number> {
  return Number(await client.output('cat', ['/sys/class/net/lan0/statistics/tx_dropped']));
}

async function arrivals(director: Host): Promise<number> {
  const [clients, servers] = await Promise.all(
    ['clients', 'servers'].map((name) => counted(director, 'netdev arrivals', name)),
  );
  return clients + servers;
}

/** Packets that a table's counter has seen. */
async function counted(host: Host, table: string, name: string): Promise<number> {
  const listing = await host.output('nft', ['list', 'counter', ...table.split(' '), name]);
  const match = /packets (\d+) /.exec(listing);
  assert.ok(match !== null, listing);
  return Number(match[1]);
}

/** Of the director and its data plane. */
function residentKilobytes(director: number): number {
  const children = readFileSync(`/proc/${director}/task/${director}/children`, 'utf8');
  const pids = [director, ...children.split(' ').filter(Boolean).map(Number)];
  return pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  }, 0);
}
