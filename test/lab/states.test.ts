import assert from 'node:assert/strict';
import type { LabProcess } from '../../lab/process.js';
import { clientAddress, VIP } from '../../lab/plan.js';
import { connectionsOf, destinationsOf, type ListedConnection } from './support/listings.js';
import { eventually, serviceRules, SERVICE, useDirector } from './support/setting.js';
import { talk } from './support/talk.js';

/** Seconds after which ip_vs forgets a connection in this state. */
const TIMEOUTS = {
  SYN_RECV: 60,
  ESTABLISHED: 900,
  FIN_WAIT: 120,
  CLOSE_WAIT: 60,
  TIME_WAIT: 120,
  CLOSE: 10,
};
/** A slow machine may need some seconds between a packet and the listing. */
const LISTING_DELAY_SECONDS = 8;

describe('-Lnc', () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });

  it('follows a connection that the client ends first', async () => {
    const { talker, port } = await connect();
    await shows(port, 'ESTABLISHED');
    assert.deepEqual(await counters(), { active: 1, inactive: 0 });
    talker.write('get\n');
    await talker.output(/data/);
    await silenceServers(async () => {
      talker.write('end\n');
      await shows(port, 'CLOSE_WAIT');
      assert.deepEqual(await counters(), { active: 0, inactive: 1 });
    });
    await talker.done;
    await shows(port, 'TIME_WAIT');
    assert.deepEqual(await counters(), { active: 0, inactive: 1 });
  });

  it('follows a connection that the server ends first', async () => {
    const { talker, port } = await connect();
    talker.write('last\n');
    await talker.output(/end/);
    await shows(port, 'FIN_WAIT');
    talker.write('end\n');
    await talker.done;
    await shows(port, 'TIME_WAIT');
  });

  it('shows a connection that the client gives up as CLOSE', async () => {
    const { talker, port } = await connect();
    talker.write('reset\n');
    await talker.done;
    await shows(port, 'CLOSE');
  });

  it('shows a connection whose server does not answer as SYN_RECV', async () => {
    const talker = await silenceServers(async () => {
      const waiting = talk(setting.client, VIP, 80);
      await shows(null, 'SYN_RECV');
      assert.equal((await counters()).active, 1);
      return waiting;
    });
    const [, port] = await talker.output(/connected (\d+)/);
    await shows(Number(port), 'ESTABLISHED');
    await talker.stop();
  });

  async function connect(): Promise<{ talker: LabProcess; port: number }> {
    const talker = talk(setting.client, VIP, 80);
    const [, port] = await talker.output(/connected (\d+)/);
    return { talker, port: Number(port) };
  }

  /** While the action runs, the servers can't send anything to the client. */
  async function silenceServers<T>(action: () => Promise<T>): Promise<T> {
    const route = ['blackhole', `${clientAddress(1)}/32`];
    const hosts = setting.servers.map((server) => server.host);
    for (const host of hosts) await host.output('ip', ['route', 'add', ...route]);
    try {
      return await action();
    } finally {
      for (const host of hosts) await host.output('ip', ['route', 'del', ...route]);
    }
  }

  /** Waits until the connection from this client port (null: any) is in this state, and checks its row. */
  async function shows(port: number | null, state: keyof typeof TIMEOUTS): Promise<void> {
    const source = (row: ListedConnection) => port === null || row.client.endsWith(`:${port}`);
    const rows = await eventually(
      async () => connectionsOf(await setting.director.adm('-Lnc')).filter(source),
      (found) => found.some((row) => row.state === state),
    );
    const row = rows.find((candidate) => candidate.state === state);
    assert.ok(row !== undefined, `no ${state} in ${JSON.stringify(rows)}`);
    assert.equal(row.virtual, SERVICE);
    assert.match(row.client, /^10\.1\.0\.2:\d+$/);
    assert.match(row.destination, /^10\.2\.0\.1[123]:80$/);
    const age = TIMEOUTS[state] - row.expiresSeconds;
    const delay = `${state} expires in ${row.expiresSeconds} s`;
    assert.ok(age >= 0 && age <= LISTING_DELAY_SECONDS, delay);
  }

  async function counters(): Promise<{ active: number; inactive: number }> {
    const destinations = destinationsOf(await setting.director.adm('-Ln'));
    return {
      active: destinations.reduce((sum, { active }) => sum + active, 0),
      inactive: destinations.reduce((sum, { inactive }) => sum + inactive, 0),
    };
  }
});
