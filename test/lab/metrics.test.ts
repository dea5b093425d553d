import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../../lab/host.js';
import { serverAddress } from '../../lab/plan.js';
import { requestSeries } from '../../lab/traffic.js';
import { IPVS_LABELS } from '../../src/observe/metrics/server-families.js';
import { ALERTS, panelQueries, type PanelQuery } from '../support/queries.js';
import { samplesOf, samples, valueOf } from '../support/exposition.js';
import { statisticsOf } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';

const ADDRESS = '127.0.0.1:9110';
const EXPORTER_PORT = 9100;
const PROMETHEUS_PORT = 9090;
const PROMETHEUS = `127.0.0.1:${PROMETHEUS_PORT}`;
const REQUESTS = 60;
const COUNTERS = {
  connections: 'connections',
  inPackets: 'incoming_packets',
  outPackets: 'outgoing_packets',
  inBytes: 'incoming_bytes',
  outBytes: 'outgoing_bytes',
} as const;

describe('metrics', () => {
  const proc = mkdtempSync(join(tmpdir(), 'uvs-test-proc-'));
  const setting = useDirector({
    uvsd: ['--metrics', ADDRESS, '--procfs-dir', proc, '--log-format', 'json'],
    rules: serviceRules('-s wrr', [1, 2, 3]),
  });
  after(() => rmSync(proc, { recursive: true, force: true }));

  /** Without those that are just being written. */
  const keptFiles = (): string[] => {
    const names = readdirSync(join(proc, 'net'));
    return names.filter((name) => !name.endsWith('.new')).toSorted();
  };
  const fetched = (address = ADDRESS, path = '/metrics'): Promise<string> =>
    setting.directorHost.output('curl', ['-sSf', `http://${address}${path}`]);

  it('are the numbers that uvsadm shows', async () => {
    const { client, director } = setting;
    await requestSeries(client, URL, REQUESTS);
    // The last packets may still be on their way, and what uvsadm shows is up to two seconds old.
    const { metrics, shown } = await eventually(
      async () => ({
        shown: statisticsOf(await director.adm('-Ln --stats --exact'), SERVICE),
        metrics: await fetched(),
      }),
      (both) =>
        both.shown.connections === REQUESTS &&
        both.shown.outBytes === valueOf(both.metrics, 'uvs_service_outgoing_bytes_total'),
    );
    assert.equal(shown.connections, REQUESTS);
    for (const [key, name] of Object.entries(COUNTERS)) {
      const column = key as keyof typeof COUNTERS;
      assert.equal(valueOf(metrics, `node_ipvs_${name}_total`), shown[column]);
      assert.equal(valueOf(metrics, `uvs_service_${name}_total`), shown[column]);
      // Servers are listed by address, and exposed the last one first.
      assert.deepEqual(
        samples(metrics, `uvs_server_${name}_total`).map(({ value }) => value),
        shown.destinations.map((server) => server[column]).toReversed(),
      );
    }
  });

  it('say what the data plane did, and how long that took', async () => {
    // A data plane that is slow to answer is left out of it.
    const metrics = await eventually(
      () => fetched(),
      (text) => valueOf(text, 'uvs_burst_frames_sum') === receivedIn(text),
    );
    const received = receivedIn(metrics);
    assert.ok(received >= 10 * REQUESTS, String(received));
    assert.equal(valueOf(metrics, 'uvs_burst_frames_sum'), received);
    const bursts = valueOf(metrics, 'uvs_burst_frames_count');
    assert.equal(valueOf(metrics, 'uvs_time_inside_seconds_count'), bursts);
    const seconds = valueOf(metrics, 'uvs_time_inside_seconds_sum') ?? 0;
    assert.ok(seconds > 0 && seconds < (bursts ?? 0), `${seconds} s in ${bursts} bursts`);
    assert.equal(valueOf(metrics, 'uvs_service_scheduled_total'), REQUESTS);
    assert.equal(valueOf(metrics, 'uvs_data_plane_up'), 1);
  });

  it('are in a form that promtool has nothing against', async () => {
    const input = await fetched();
    const { stdout, stderr, exit } = await setting.directorHost.run(
      'promtool',
      ['check', 'metrics'],
      { input },
    );
    assert.deepEqual([exit, `${stdout}${stderr}`], [0, '']);
  });

  it('fill every panel of the dashboard, once Prometheus has them', async () => {
    const { directorHost, client } = setting;
    const config = join(directorHost.folder, 'prometheus.yml');
    writeFileSync(config, prometheusConfig());
    const prometheus = directorHost.daemon('prometheus', 'prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directorHost.folder, 'prometheus')}`,
      `--web.listen-address=${PROMETHEUS}`,
      '--log.level=error',
    ]);
    const traffic = client.spawn('curl', ['-s', '-o', '/dev/null', `${URL}?[1-1000000]`]);
    await prometheus.listening(PROMETHEUS_PORT);
    // Nothing is lost here: what asks for losses need only be understood.
    const empty = await eventually(
      async () => {
        const results = await answersOf(directorHost, panelQueries('uvs', '5s'));
        for (const { query, status, error } of results) {
          assert.equal(status, 'success', `${query}: ${error}`);
        }
        const silent = results.filter(
          ({ query, data }) => !(isOfTrouble(query) || data?.result.length),
        );
        return silent.map(({ title }) => title);
      },
      (titles) => titles.length === 0,
    );
    await traffic.stop();
    await prometheus.stop();
    assert.deepEqual(empty, []);
    await directorHost.output('promtool', ['check', 'rules', ALERTS]);
  });

  it('come from node_exporter just so, which reads the files', async () => {
    const { directorHost } = setting;
    const address = `127.0.0.1:${EXPORTER_PORT}`;
    const exporter = directorHost.daemon('node_exporter', 'prometheus-node-exporter', [
      '--collector.disable-defaults',
      '--collector.ipvs',
      `--path.procfs=${proc}`,
      `--web.listen-address=${address}`,
    ]);
    await exporter.listening(EXPORTER_PORT);
    // Connections are on their way out while this is looked at, and all of it is up to a second old.
    const { ours, theirs } = await eventually(
      async () => ({
        ours: ipvsSamples(await fetched()),
        theirs: ipvsSamples(await fetched(address)),
      }),
      (seen) => isDeepStrictEqual(seen.ours, seen.theirs),
    );
    await exporter.stop();
    assert.deepEqual(theirs, ours);
    assert.equal(ours.length, COUNTERS_AND_GAUGES);
    assert.deepEqual(keptFiles(), FILES);
  });

  it('show which server leaves SYNs unanswered', async () => {
    const { client, servers } = setting;
    const [{ host }] = servers;
    await host.output('nft', ['-f', '-'], {
      input:
        'table ip lost { chain out { type filter hook output priority 0; tcp sport 80 drop; }; }',
    });
    const server = `${serverAddress(1)}:80`;
    // One in six goes to that server.
    const attempts = Array.from({ length: 6 }, () =>
      client.run('curl', ['-s', '-m', '2', '-o', '/dev/null', URL]),
    );
    // Another one's answer may just be on its way.
    const guilty = await eventually(
      async () => {
        const seen = samples(await fetched(), 'uvs_server_unanswered_connections');
        return seen.filter(({ value }) => value > 0).map(({ labels }) => labels['server']);
      },
      (found) => isDeepStrictEqual(found, [server]),
    );
    await Promise.all(attempts);
    await host.output('nft', ['delete', 'table', 'ip', 'lost']);
    assert.deepEqual(guilty, [server]);
  });

  it('go on where they were after the data plane was replaced', async () => {
    const { director } = setting;
    const before = valueOf(await fetched(), 'node_ipvs_connections_total');
    const [, pid] = await director.daemon.logged(/"data plane open","pid":(\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    const metrics = await eventually(
      () => fetched(),
      (text) =>
        valueOf(text, 'uvs_data_plane_restarts_total') === 1 &&
        valueOf(text, 'uvs_data_plane_up') === 1,
    );
    assert.equal(valueOf(metrics, 'uvs_data_plane_restarts_total'), 1);
    assert.equal(valueOf(metrics, 'node_ipvs_connections_total'), before);
  });

  it('have a log beside them that says who has changed what', async () => {
    const { director } = setting;
    const change = `-e -t ${SERVICE} -r ${serverAddress(2)}:80 -m -w 7`;
    await director.adm(change);
    await director.daemon.logged(/"server edited"/);
    const lines = director.daemon.log().trimEnd().split('\n');
    const log = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const ends = log.filter(({ message }) => message === 'data plane ended');
    assert.deepEqual(
      ends.map(({ level }) => level),
      ['error'],
    );
    const { time, pid, ...edited } = log.find(({ message }) => message === 'server edited') ?? {};
    assert.ok(typeof time === 'string' && typeof pid === 'number');
    assert.deepEqual(edited, {
      level: 'info',
      message: 'server edited',
      service: `tcp:${SERVICE}`,
      server: `${serverAddress(2)}:80`,
      command: change,
      uid: 0,
    });
  });

  it('outlive an upgrade of the director', async () => {
    const { directorHost } = setting;
    const before = await fetched();
    await directorHost.output('uvs', ['upgrade']);
    const started = 'uvs_director_start_time_seconds';
    const after = await eventually(
      async () => (await directorHost.run('curl', ['-s', `http://${ADDRESS}/metrics`])).stdout,
      (text) => (valueOf(text, started) ?? 0) > (valueOf(before, started) ?? 0),
    );
    for (const name of ['node_ipvs_connections_total', 'uvs_service_scheduled_total']) {
      assert.equal(valueOf(after, name), valueOf(before, name));
    }
    assert.deepEqual(keptFiles(), FILES);
  });

  it('are there as JSON, too', async () => {
    const { director } = setting;
    const page = JSON.parse(await fetched(ADDRESS, '/snapshot.json')) as { services: object[] };
    assert.equal(page.services.length, 1);
    assert.ok(director.daemon.running);
  });

  it('take their files with them', async () => {
    assert.equal(await setting.director.stop(), 0);
    assert.deepEqual(readdirSync(join(proc, 'net')), []);
    assert.ok(existsSync(proc));
  });
});

/** Frames, by all interfaces. */
function receivedIn(metrics: string): number {
  const frames = samples(metrics, 'uvs_interface_received_frames_total');
  return frames.reduce((sum, { value }) => sum + value, 0);
}

/** Five counters, and three gauges of each of three servers. */
const COUNTERS_AND_GAUGES = 5 + 3 * 3;
const FILES = ['ip_vs', 'ip_vs_conn', 'ip_vs_stats'];

interface Answer {
  status: 'success' | 'error';
  error?: string;
  data?: { result: unknown[] };
}

/** Asks Prometheus all of it in one go. */
async function answersOf(
  host: Host,
  queries: readonly PanelQuery[],
): Promise<(PanelQuery & Answer)[]> {
  const urls = queries.map(
    ({ query }) => `http://${PROMETHEUS}/api/v1/query?query=${encodeURIComponent(query)}`,
  );
  const input = urls.map((url) => `url = "${url}"\n`).join('');
  const output = await host.output('curl', ['-sS', '-w', '\n', '-K', '-'], { input });
  const answers = output.trimEnd().split('\n');
  return queries.map((query, i) => ({ ...query, ...(JSON.parse(answers[i]) as Answer) }));
}

function prometheusConfig(): string {
  return `
global: { scrape_interval: 1s }
scrape_configs:
  - { job_name: uvs, static_configs: [{ targets: ['${ADDRESS}'] }] }
`;
}

/** What stays empty while all is well. */
function isOfTrouble(query: string): boolean {
  return (
    /drops|errors|back_pressure|unanswered|defence|expired/.test(query) && query.endsWith('> 0')
  );
}

/** Lines of node_exporter's metrics, in one order and with their labels in one order. */
function ipvsSamples(metrics: string): string[] {
  const theirs = samplesOf(metrics).filter(({ name }) => name.startsWith('node_ipvs_'));
  const lines = theirs.map(({ name, labels, value }) => {
    const sorted = IPVS_LABELS.map((label) => `${label}=${labels[label] ?? ''}`);
    return `${name} ${sorted.join(' ')} ${value}`;
  });
  return lines.toSorted((a, b) => (a < b ? -1 : 1));
}
