import assert from 'node:assert/strict';
import { VIP } from '../../lab/plan.js';
import { requestSeries, tally, wrk } from '../../lab/traffic.js';
import { loggedRequests } from '../../lab/webserver.js';
import {
  eventually,
  PATIENCE_SECONDS,
  serviceRules,
  SERVICE,
  URL,
  useDirector,
} from './support/setting.js';
import { destinationsOf, statisticsOf } from './support/listings.js';
import { talk } from './support/talk.js';

const REQUESTS = 10_000;
const CONNECTIONS = 48;

describe('ten thousand requests', () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });

  it('with curl, a connection each: every one answered, every server exactly its share', async () => {
    const shares = tally(await requestSeries(setting.client, URL, REQUESTS));
    // The server added last begins.
    assert.deepEqual(shares, { server1: 3333, server2: 3333, server3: 3334 });
  });

  it('with curl on one kept connection: every one answered, by one server', async () => {
    const shares = tally(await requestSeries(setting.client, URL, REQUESTS, { keepAlive: true }));
    assert.deepEqual(Object.values(shares), [REQUESTS]);
  });

  it('with wrk on kept connections: none fails, connections shared equally', async () => {
    const before = await connectionsPerServer();
    const { rounds } = await wrkUntilEnough({ keepAlive: true });
    const logs = await loggedRequests(setting.servers, 3 * REQUESTS);
    const opened = logs.map((log, index) => connectionsIn(log) - before[index]);
    assert.deepEqual(opened, Array(3).fill((rounds * CONNECTIONS) / 3));
  });

  it('with wrk, a connection each: none fails, connections shared equally', async () => {
    const { requests } = await wrkUntilEnough({ keepAlive: false });
    const shown = await eventually(
      async () => statisticsOf(await setting.director.adm('-Ln --stats --exact'), SERVICE),
      (statistics) =>
        statistics.connections >= REQUESTS + requests &&
        sum(connectionCounts(statistics)) === statistics.connections,
    );
    const counts = connectionCounts(shown);
    assert.equal(sum(counts), shown.connections);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `shares are ${counts.join(', ')}`);
  });

  /** Rounds of wrk without a single error until there were ten thousand requests. */
  async function wrkUntilEnough(options: {
    keepAlive: boolean;
  }): Promise<{ requests: number; rounds: number }> {
    let requests = 0;
    let rounds = 0;
    while (requests < REQUESTS) {
      const more = { connections: CONNECTIONS, seconds: 3, patienceSeconds: PATIENCE_SECONDS };
      const result = await wrk(setting.client, URL, { ...options, ...more });
      assert.deepEqual(result.failures, []);
      requests += result.requests;
      rounds += 1;
    }
    return { requests, rounds };
  }

  async function connectionsPerServer(): Promise<number[]> {
    const logs = await loggedRequests(setting.servers, 2 * REQUESTS);
    return logs.map(connectionsIn);
  }
});

function connectionCounts(statistics: { destinations: { connections: number }[] }): number[] {
  return statistics.destinations.map((destination) => destination.connections);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function connectionsIn(log: { connection: number }[]): number {
  return new Set(log.map((request) => request.connection)).size;
}

describe('shares', () => {
  const setting = useDirector({ rules: serviceRules('-s wrr', [3, 2, 1]) });

  it('are exactly as the weights of wrr say', async () => {
    const shares = tally(await requestSeries(setting.client, URL, 6000));
    assert.deepEqual(shares, { server1: 3000, server2: 2000, server3: 1000 });
  });

  it('follow changed weights from the next connection on', async () => {
    const { client, director } = setting;
    await director.adm(`-e -t ${SERVICE} -r 10.2.0.11 -m -w 0`);
    await director.adm(`-e -t ${SERVICE} -r 10.2.0.12 -m -w 1`);
    assert.deepEqual(tally(await requestSeries(client, URL, 600)), { server2: 300, server3: 300 });
    await director.adm(`-e -t ${SERVICE} -r 10.2.0.11 -m -w 1`);
    assert.deepEqual(tally(await requestSeries(client, URL, 600)), {
      server1: 200,
      server2: 200,
      server3: 200,
    });
  });

  it('of a persistent client all fall to one server', async () => {
    const { client, director } = setting;
    await director.adm(`-E -t ${SERVICE} -s rr -p 60`);
    assert.equal(Object.keys(tally(await requestSeries(client, URL, 60))).length, 1);
    const templates = (await director.adm('-Lnc')).match(/^TCP .* ASSURED +10\.1\.0\.2:0 /gm);
    assert.equal(templates?.length, 1);
  });
});

describe('a service', () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });

  it('may have another port than its servers', async () => {
    const { client, director } = setting;
    await director.adm(`-A -t ${VIP}:8000 -s rr`);
    await director.adm(`-a -t ${VIP}:8000 -r 10.2.0.11:80 -m`);
    await director.adm(`-a -t ${VIP}:8000 -r 10.2.0.12:80 -m`);
    const shares = tally(await requestSeries(client, `http://${VIP}:8000/`, 20));
    assert.deepEqual(shares, { server1: 10, server2: 10 });
    // The same servers on the other service are not disturbed.
    assert.equal((await requestSeries(client, URL, 30)).length, 30);
  });

  it('without a server to be had is refused at once', async () => {
    const { client, director } = setting;
    await director.adm(`-A -t ${VIP}:8001 -s wlc`);
    const empty = await client.run('curl', ['-sS', `http://${VIP}:8001/`]);
    assert.equal(empty.exit, 7);
    await director.adm(`-a -t ${VIP}:8001 -r 10.2.0.13:80 -m -w 0`);
    const paused = await client.run('curl', ['-sS', `http://${VIP}:8001/`]);
    assert.equal(paused.exit, 7);
    await director.adm(`-e -t ${VIP}:8001 -r 10.2.0.13:80 -m -w 1`);
    assert.deepEqual(await requestSeries(client, `http://${VIP}:8001/`, 1), ['server3']);
  });

  it('shows each server its clients under their own addresses', async () => {
    assert.equal(await setting.client.output('curl', ['-s', `${URL}whoami`]), '10.1.0.2\n');
  });
});

describe('weighted least connections', () => {
  const setting = useDirector({ rules: serviceRules('-s wlc') });

  it('chooses the server without a connection in progress', async () => {
    const { client, director } = setting;
    const held = [1, 2].map(() => talk(client, VIP, 80));
    await Promise.all(held.map((talker) => talker.output(/connected/)));
    const listing = await eventually(
      async () => destinationsOf(await director.adm('-Ln')),
      (destinations) => destinations.filter(({ active }) => active === 1).length === 2,
    );
    const idle = listing.filter((destination) => destination.active === 0);
    assert.equal(idle.length, 1);
    const shares = tally(await requestSeries(client, URL, 50));
    assert.deepEqual(shares, { [serverAt(idle[0].address)]: 50 });
    await Promise.all(held.map((talker) => talker.stop()));
  });
});

/** "server2" for 10.2.0.12 */
function serverAt(address: string): string {
  return `server${Number(address.split('.')[3]) - 10}`;
}
