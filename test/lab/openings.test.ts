import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../lab/host.js';
import { clientAddress, serverAddress } from '../../lab/plan.js';
import { tally } from '../../lab/traffic.js';
import type { Counters } from '../../src/control/api.js';
import { requireBpf } from '../support/bpf-run.js';
import { connectionsOf, destinationsOf, statisticsOf } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';

const CLIENTS = 2;
const SERVERS = 3;
const EACH = 2400;
const ALL = CLIENTS * EACH;
const AT_ONCE = 40;
/** Many more than the first few of each busy moment; on a busy machine there are more such moments. */
const MANY = 0.25;
const SECOND_SERVER = `${serverAddress(2)}:80`;

describe('connections that the kernel opens, in the lab', () => {
  before(function () {
    requireBpf(this);
  });
  const setting = useDirector({
    clients: CLIENTS,
    uvsd: ['--fast-path', 'on'],
    rules: serviceRules('-s rr'),
  });

  it('are many of those in quick succession, in equal shares, and listed as any others', async () => {
    const { director } = setting;
    const answers = await load();
    const share = ALL / SERVERS;
    assert.deepEqual(tally(answers), { server1: share, server2: share, server3: share });
    const { opened } = await fastPath();
    assert.ok(opened > ALL * MANY && opened <= ALL, `the kernel has opened ${opened} of ${ALL}`);

    const counted = await eventually(
      async () => statisticsOf(await director.adm('-Ln --stats --exact'), SERVICE),
      ({ connections }) => connections === ALL,
    );
    assert.equal(counted.connections, ALL);
    for (const server of counted.destinations) assert.equal(server.connections, share);
    const packets = counted.destinations.map(({ inPackets }) => inPackets);
    assert.equal(counted.inPackets, sum(packets));
    assert.ok(counted.inPackets >= ALL * 4, 'SYN, ACK, request, FIN');

    const rows = await eventually(
      async () => connectionsOf(await director.adm('-Lnc')),
      (found) => found.every(({ state }) => state === 'TIME_WAIT'),
    );
    const addresses = rows.map(({ client }) => client.split(':')[0]);
    assert.deepEqual(tally(addresses), { [clientAddress(1)]: EACH, [clientAddress(2)]: EACH });
    assert.deepEqual(
      Object.values(tally(rows.map(({ destination }) => destination))),
      Array<number>(SERVERS).fill(share),
    );
    assert.deepEqual(new Set(rows.map(({ state }) => state)), new Set(['TIME_WAIT']));
  });

  it('are all made, too, when the data plane is killed in the middle of it', async () => {
    const [before, earlier] = [await listed(), await countedConnections()];
    const answers = load();
    await underWay(before);
    const pid = workerPid();
    process.kill(pid, 'SIGKILL');
    await eventually(
      async () => workerPid(),
      (now) => now !== pid && now > 0,
    );
    assert.equal((await answers).length, ALL);
    const { opened } = await fastPath();
    assert.ok(opened > 0, 'also by decisions of the next data plane');
    // Also those of which the one that was killed hadn't heard; it may have been about to count one.
    const isAll = (count: number) => count >= earlier + ALL - 1 && count <= earlier + ALL;
    const counted = await eventually(countedConnections, isAll);
    assert.ok(isAll(counted), `${counted - earlier} of ${ALL} were counted`);
  });

  it('go to no server that is to have none, and to all that are there', async () => {
    const { director } = setting;
    const before = await listed();
    const answers = load();
    await underWay(before);
    await director.adm(`-e -t ${SERVICE} -r ${SECOND_SERVER} -m -w 0`);
    const activeOfSecond = await eventually(
      async () =>
        destinationsOf(await director.adm('-Ln')).find(({ weight }) => weight === 0)?.active,
      (active) => active === 0,
    );
    assert.equal(activeOfSecond, 0);
    const answered = setting.servers[1].requests().length;
    await director.adm(`-d -t ${SERVICE} -r ${SECOND_SERVER}`);
    assert.equal(setting.servers[1].requests().length, answered);
    await director.adm(`-a -t ${SERVICE} -r ${SECOND_SERVER} -m`);
    assert.equal((await answers).length, ALL);
    const { server1, server2, server3 } = tally(await load());
    assert.deepEqual([server1, server2, server3], Array<number>(SERVERS).fill(ALL / SERVERS));
  });

  /** Both clients' requests at once, each on a connection of its own; all of them must be answered. */
  async function load(): Promise<string[]> {
    const answers = await Promise.all(setting.lab.all('client').map(requests));
    return answers.flat();
  }

  async function underWay(before: number): Promise<void> {
    await eventually(listed, (now) => now > before + ALL / 8);
  }

  async function listed(): Promise<number> {
    return (await counters()).connections.used;
  }

  async function countedConnections(): Promise<number> {
    return statisticsOf(await setting.director.adm('-Ln --stats --exact'), SERVICE).connections;
  }

  async function counters(): Promise<Counters> {
    return JSON.parse(await setting.directorHost.output('uvs', ['status', '--json'])) as Counters;
  }

  async function fastPath(): Promise<NonNullable<Counters['fastPath']>> {
    const { fastPath: found } = await counters();
    assert.ok(found !== null);
    return found;
  }

  function workerPid(): number {
    return Number(readFileSync(join(setting.directorHost.folder, 'state/tables/owner'), 'utf8'));
  }
});

async function requests(client: Host): Promise<string[]> {
  const parallel = ['--parallel', '--parallel-max', String(AT_ONCE), '--max-time', '60'];
  const quiet = ['--silent', '--show-error', '--fail', '--no-keepalive'];
  const urls = ['-H', 'Connection: close', `${URL}?[1-${EACH}]`];
  const output = await client.output('curl', [...parallel, ...quiet, ...urls]);
  return output.trimEnd().split('\n');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
