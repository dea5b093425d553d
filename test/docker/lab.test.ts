import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { ComposeLab, docker } from './compose.js';

const PROJECT = 'uvs-test';
const VIP = '10.1.0.100';
const PROMETHEUS = 'http://10.1.0.20:9090';
const FILE_BYTES = 200_000_000;
const LOOK_MS = 100;

describe('the lab of docker-compose.yml', () => {
  let lab: ComposeLab;
  let hash: string;

  before('up', async () => {
    lab = await ComposeLab.prepare(PROJECT, { profiles: ['metrics'] });
    await lab.up();
    const documents = `${PROJECT}_documents:/documents`;
    const make = `head -c ${FILE_BYTES} /dev/urandom > /documents/large && sha256sum < /documents/large`;
    hash = await docker('run', '--rm', '-v', documents, 'uvs-lab', 'sh', '-c', make);
  });

  after('down', async () => {
    await lab.down();
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${PROJECT}`];
    assert.equal(await docker('ps', '--all', ...filter), '');
    assert.equal(await docker('network', 'ls', ...filter), '');
    assert.equal(await docker('volume', 'ls', ...filter), '');
  });

  it('shares requests among the servers, which see the client', async () => {
    const answers = await request(30);
    assert.deepEqual(shares(answers), { server1: 10, server2: 10, server3: 10 });
    for (const answer of answers)
      assert.match(answer, /: you are 10\.1\.0\.11:\d+, I am 10\.2\.0\./);
  });

  it('serves the same document from each server', async () => {
    const command = `for i in 1 2 3; do curl -sS http://${VIP}/; done`;
    const lines = (await lab.exec('client2', command)).trim().split('\n');
    assert.equal(new Set(lines).size, 3);
    assert.equal(new Set(lines.map((line) => line.replace(/server\d/, 'SERVER'))).size, 1);
  });

  it('is administered inside the container', async () => {
    const listing = await lab.run('exec', '-T', 'director', 'uvsadm', '-Ln');
    assert.match(listing, /TCP {2}10\.1\.0\.100:80 rr\n/);
    assert.equal(listing.match(/ -> 10\.2\.0\.1[123]:80 +Masq/g)?.length, 3);
  });

  it('has a director with two capabilities, no way to more, and nothing to write to', async () => {
    const status = await lab.exec('director', 'cat /proc/1/status');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      assert.match(status, new RegExp(`^${set}:\\s*0000000000003000$`, 'm'));
    }
    assert.match(status, /^NoNewPrivs:\s*1$/m);
    await assert.rejects(lab.exec('director', 'touch /file'), /Read-only file system/);
  });

  it('has an image without npm and compiler', async () => {
    const found = await lab.exec('director', 'command -v npm npx tsc cc gcc make || true');
    assert.equal(found, '');
  });

  it('leaves the servers the director as their only way out', async () => {
    const routes = await lab.exec('server1', 'ip route');
    assert.match(routes, /^default via 10\.2\.0\.1 /m);
    await assert.rejects(
      lab.exec('server1', 'ip route replace default via 10.2.0.254'),
      /not permitted/,
    );
  });

  it('becomes healthy', async () => {
    const director = await lab.container('director');
    assert.equal(
      (await docker('inspect', '-f', '{{.State.Health.Status}}', director)).trim(),
      'healthy',
    );
  });

  it('moves a large file without a wrong byte', async () => {
    assert.equal(await lab.exec('client', `curl -sS http://${VIP}/large | sha256sum`), hash);
  });

  it('sends no request to a drained server, and some again afterwards', async () => {
    const drained = await lab.exec('director', 'uvs drain 10.2.0.12');
    assert.match(drained, /1 -> 0/);
    assert.deepEqual(shares(await request(20)), { server1: 10, server3: 10 });
    await lab.exec('director', `uvsadm -e -t ${VIP}:80 -r 10.2.0.12:80 -m -w 1`);
    assert.deepEqual(shares(await request(30)), { server1: 10, server2: 10, server3: 10 });
  });

  it('has a Prometheus that fetches the director’s metrics, and alerts for them', async () => {
    const query = (expression: string): Promise<unknown[]> =>
      fromPrometheus(`query?query=${encodeURIComponent(expression)}`, 'result');
    while ((await query('up{job="uvs"} == 1')).length === 0) await pause(LOOK_MS);
    const servers = await query('uvs_server_weight{service="10.1.0.100:80"}');
    assert.equal(servers.length, 3);
    const rules = await fromPrometheus('rules', 'groups');
    assert.match(JSON.stringify(rules), /"name":"uvs".*"health":"ok"/);
  });

  it('loses no connection when the director is killed and started again', async () => {
    const director = await lab.container('director');
    await lab.exec('director', 'uvs drain 10.2.0.13');
    const transfer = lab.exec(
      'client',
      `curl -sS --limit-rate 25M http://${VIP}/large | tee /tmp/part | sha256sum`,
    );
    while (
      Number(await lab.exec('client', 'cat /tmp/part 2>/dev/null | wc -c')) <
      FILE_BYTES / 10
    ) {
      await pause(LOOK_MS);
    }
    await docker('kill', director);
    const left = Number(await lab.exec('client', 'wc -c < /tmp/part'));
    assert.ok(left < FILE_BYTES, 'killed in the middle of the transfer');
    await docker('start', director);
    assert.equal(await transfer, hash);
    const log = await docker('logs', director);
    assert.doesNotMatch(log, / error /);
    // What was changed by hand is still in effect.
    assert.deepEqual(shares(await request(20)), { server1: 10, server2: 10 });
  });

  async function fromPrometheus(path: string, key: string): Promise<unknown[]> {
    const answer = await lab.exec('client', `curl -sS '${PROMETHEUS}/api/v1/${path}' || echo '{}'`);
    const { data } = JSON.parse(answer) as { data?: Record<string, unknown[]> };
    return data?.[key] ?? [];
  }

  async function request(count: number): Promise<string[]> {
    const loop = `for i in $(seq ${count}); do curl -sS http://${VIP}/whoami; done`;
    return (await lab.exec('client', loop)).trim().split('\n');
  }
});

function shares(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers.map((line) => line.split(':')[0]).toSorted()) {
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}
