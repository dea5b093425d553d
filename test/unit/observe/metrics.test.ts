import assert from 'node:assert/strict';
import { SYN } from '../../../dataplane/wire/tcp.js';
import { FAMILIES, Metrics } from '../../../src/observe/metrics/exposition.js';
import { samples, samplesOf, valueOf } from '../../support/exposition.js';
import { Observed } from './observed.js';

describe('metrics', () => {
  let observed: Observed;
  let metrics: Metrics;
  beforeEach(async () => {
    observed = await Observed.open();
    metrics = new Metrics(observed.observer);
  });

  async function text(): Promise<string> {
    const { body } = await metrics.answer();
    const all: Uint8Array[] = [];
    for await (const piece of body as AsyncIterable<Uint8Array>) all.push(piece);
    return Buffer.concat(all).toString();
  }

  it('have a line of what they mean, and of their type, before their samples', async () => {
    const lines = (await text()).split('\n').filter((line) => line !== '');
    let name = '';
    for (const [i, line] of lines.entries()) {
      const help = /^# HELP (\S+) (.+)$/.exec(line);
      if (help !== null) {
        name = help[1];
        assert.match(lines[i + 1], new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`));
      } else if (!line.startsWith('# TYPE ')) {
        assert.match(line, new RegExp(`^${name}(_bucket|_sum|_count)?(\\{[^}]*\\})? [\\d.e+-]+$`));
      }
    }
  });

  it('are those that are documented, all of them', async () => {
    const names = [...(await text()).matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name);
    assert.deepEqual(names.toSorted(), FAMILIES.map(({ name }) => name).toSorted());
  });

  it('name each sample once', async () => {
    observed.send(4000, SYN);
    const lines = samplesOf(await text()).map(({ name, labels }) => name + JSON.stringify(labels));
    assert.equal(new Set(lines).size, lines.length);
  });

  it('have a server’s numbers under its service and address', async () => {
    observed.send(4000, SYN);
    const labels = { protocol: 'tcp', service: '10.1.0.100:80', server: '10.2.0.13:80' };
    const all = await text();
    assert.equal(valueOf(all, 'uvs_server_connections_total', labels), 1);
    assert.equal(valueOf(all, 'uvs_server_incoming_bytes_total', labels), 40);
    assert.equal(valueOf(all, 'uvs_server_active_connections', labels), 1);
    assert.deepEqual(samples(all, 'uvs_server_connections', labels), [
      { name: 'uvs_server_connections', labels: { ...labels, state: 'SYN_RECV' }, value: 1 },
    ]);
    assert.equal(samples(all, 'uvs_server_weight').length, 3);
  });

  it('have node_exporter’s names and labels for what it would read of ip_vs', async () => {
    observed.send(4000, SYN);
    const all = await text();
    assert.equal(valueOf(all, 'node_ipvs_connections_total'), 1);
    assert.equal(valueOf(all, 'node_ipvs_incoming_bytes_total'), 40);
    const labels = {
      local_address: '10.1.0.100',
      local_port: '80',
      local_mark: '',
      proto: 'TCP',
      remote_address: '10.2.0.13',
      remote_port: '80',
    };
    assert.deepEqual(samples(all, 'node_ipvs_backend_connections_active', labels), [
      { name: 'node_ipvs_backend_connections_active', labels, value: 1 },
    ]);
  });

  it('add a histogram’s buckets up', async () => {
    const { meters } = observed.server.state;
    for (const frames of [1, 2, 3, 64]) meters.countBurst(frames);
    const all = await text();
    const upTo = (le: string) => valueOf(all, 'uvs_burst_frames_bucket', { le });
    assert.deepEqual(['1', '2', '4', '32', '64', '+Inf'].map(upTo), [1, 2, 3, 3, 4, 4]);
    assert.equal(valueOf(all, 'uvs_burst_frames_sum'), 70);
    assert.equal(valueOf(all, 'uvs_burst_frames_count'), 4);
  });

  it('leave out what only a data plane could say while there is none', async () => {
    observed.isServing = false;
    observed.restarts = 2;
    const all = await text();
    assert.equal(valueOf(all, 'uvs_data_plane_up'), 0);
    assert.equal(valueOf(all, 'uvs_data_plane_restarts_total'), 2);
    assert.equal(samples(all, 'uvs_defence_in_effect').length, 0);
    assert.deepEqual(
      samples(all, 'uvs_table_entries').map(({ labels }) => labels['table']),
      ['connections'],
    );
  });
});
