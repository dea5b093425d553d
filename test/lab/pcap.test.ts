import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Flood, swallowAnswers } from '../../bench/overload/flood.js';
import { VIP } from '../../lab/plan.js';
import { namespaceName } from '../../lab/registry.js';
import { makeTestFile, requestSeries, tally, wrk } from '../../lab/traffic.js';
import { WebServer } from '../../lab/webserver.js';
import type { Counters } from '../../src/control/api.js';
import { ip } from './support/small-lab.js';
import { Wire } from './support/wire.js';
import {
  eventually,
  PATIENCE_SECONDS,
  serviceRules,
  URL,
  useDirector,
  useLab,
  type Setting,
} from './support/setting.js';

/** What test/support/pcap-probe.ts prints. */
interface Seen {
  /** While frames came without end: no turn of the event loop; frames out of order, and not received at all. */
  isEndless: boolean;
  misplaced: number;
  lost: number;
  /** Of a flood that was sent at once. */
  received: number;
  counted: number;
  sent: number;
}

const PROBE = join(import.meta.dirname, '../support/pcap-probe.ts');
const FILE_BYTES = 100_000_000;
const RULES = serviceRules('-s rr');

async function interfacesOf({ directorHost }: Setting): Promise<Counters['interfaces']> {
  const text = await directorHost.output('uvs', ['status', '--json']);
  return (JSON.parse(text) as Counters).interfaces;
}

function workerPid({ directorHost }: Setting): number {
  return Number(readFileSync(join(directorHost.folder, 'state/tables/owner'), 'utf8'));
}

async function download({ client }: Setting, name: string): Promise<string> {
  const script = `set -o pipefail; curl -sS --fail ${URL}files/${name} | sha256sum`;
  return (await client.output('bash', ['-c', script])).slice(0, 64);
}

describe('the pcap driver', () => {
  const setting = useDirector({ driver: 'pcap', rules: RULES });

  it('gives every server exactly its share', async () => {
    const shares = tally(await requestSeries(setting.client, URL, 3000));
    assert.deepEqual(shares, { server1: 1000, server2: 1000, server3: 1000 });
  });

  it('fails no request under load', async () => {
    for (const keepAlive of [true, false]) {
      const load = { connections: 48, seconds: 2, keepAlive, patienceSeconds: PATIENCE_SECONDS };
      const { failures, requests } = await wrk(setting.client, URL, load);
      assert.deepEqual(failures, []);
      assert.ok(requests > 500, `${requests} requests`);
    }
  });

  it('counts what it moves', async () => {
    for (const { name, receivedFrames, sentFrames, sendErrors } of await interfacesOf(setting)) {
      assert.ok(receivedFrames > 10_000 && sentFrames > 10_000, name);
      assert.equal(sendErrors, 0);
    }
  });

  it('receives for a service from its first moment on, and no longer when it is gone', async () => {
    const { client, director, directorHost, lab } = setting;
    await director.adm(`-A -t ${VIP}:8080 -s rr`);
    await director.adm(`-a -t ${VIP}:8080 -r 10.2.0.12:80 -m`);
    const url = `http://${VIP}:8080/`;
    assert.deepEqual(await requestSeries(client, url, 1), ['server2']);
    await WebServer.start(lab, directorHost, { port: 8080 });
    await director.adm(`-D -t ${VIP}:8080`);
    assert.deepEqual(await requestSeries(client, url, 1), ['director']);
  });

  it("hands the kernel's own packets back: a client's direct, routed way to a server's port", async () => {
    const { client, lab } = setting;
    const file = makeTestFile(lab, 'direct', 20_000_000);
    const before = await handedBack();
    const script = `set -o pipefail; curl -sS --fail http://10.2.0.11/files/${file.name} | sha256sum`;
    const output = await client.output('bash', ['-c', script]);
    assert.equal(output.slice(0, 64), file.sha256);
    assert.ok((await handedBack()) > before + 100);
  });

  it("cuts segments as small as the client's network asks for", async () => {
    const { client, lab } = setting;
    const file = makeTestFile(lab, 'narrow', 20_000_000);
    await client.output('ip', ['link', 'set', 'lan0', 'mtu', '1300']);
    assert.equal(await download(setting, file.name), file.sha256);
    await client.output('ip', ['link', 'set', 'lan0', 'mtu', '1500']);
  });

  it('comes back with an interface that was down', async () => {
    const { client, directorHost } = setting;
    await directorHost.output('ip', ['link', 'set', 'int0', 'down']);
    await directorHost.output('ip', ['link', 'set', 'int0', 'up']);
    const answer = await eventually(
      () => client.run('curl', ['-sS', '--max-time', '1', URL]),
      ({ exit }) => exit === 0,
    );
    assert.equal(answer.exit, 0, answer.stderr);
  });

  it('goes on in another process when an interface is taken away and made anew', async () => {
    const { client, directorHost, lab } = setting;
    const pid = workerPid(setting);
    await ip(directorHost, 'link del int0');
    await setting.director.daemon.logged(/interface int0: gone/);
    const inSwitch = namespaceName(lab.id, 'switch');
    await ip(directorHost, `link add int0 type veth peer name again netns ${inSwitch}`);
    const port = ['-n', inSwitch, 'link', 'set', 'again', 'master', 'inside', 'up'];
    await directorHost.output('ip', port);
    await ip(directorHost, 'addr add 10.2.0.1/24 dev int0', 'link set int0 up');
    const answer = await eventually(
      () => client.run('curl', ['-sS', '--max-time', '1', URL]),
      ({ exit }) => exit === 0,
    );
    assert.equal(answer.exit, 0, answer.stderr);
    assert.notEqual(workerPid(setting), pid);
  });

  async function handedBack(): Promise<number> {
    const interfaces = await interfacesOf(setting);
    return interfaces.reduce((sum, { handedBackFrames }) => sum + handedBackFrames, 0);
  }
});

describe('the data plane of the pcap driver, killed under a transfer,', () => {
  const setting = useDirector({ driver: 'pcap', rules: RULES });

  it('is followed by one that goes on with it', async () => {
    const file = makeTestFile(setting.lab, 'large', FILE_BYTES);
    const downloading = download(setting, file.name);
    for (let i = 0; i < 2; i++) {
      const pid = workerPid(setting);
      process.kill(pid, 'SIGKILL');
      await eventually(
        async () => workerPid(setting),
        (now) => now !== pid && now > 0,
      );
      await requestSeries(setting.client, URL, 20);
    }
    assert.equal(await downloading, file.sha256);
  });
});

describe('a flood over the pcap driver', () => {
  const setting = useDirector({ driver: 'pcap', rules: RULES });

  it('leaves time for transfers, commands and the supervisor', async () => {
    const { client, director, directorHost, lab } = setting;
    await swallowAnswers(directorHost, client);
    const file = makeTestFile(lab, 'large', 20_000_000);
    const pid = workerPid(setting);
    const target = { target: VIP, port: 80 };
    const pace = { framesPerSecond: 200_000, seconds: 60 };
    const flood = await Flood.start(lab, { mode: 'syn', ...target, ...pace });
    assert.equal(await download(setting, file.name), file.sha256);
    await director.adm(`-A -t ${VIP}:8081 -s rr`);
    assert.match(await director.adm('-Ln'), /:8081/);
    const { sent } = await flood.stop();
    assert.ok(sent > 100_000, `${sent} SYNs`);
    assert.equal(workerPid(setting), pid);
  });
});

describe('the pcap driver on a wire', () => {
  const setting = useLab({ driver: 'pcap' });

  it('gives the event loop its turns while frames come without end, loses none and counts those it must', async () => {
    const host = setting.client;
    await new Wire(host).lay();
    const output = await host.output(process.execPath, ['--import', 'tsx', PROBE]);
    const { isEndless, misplaced, lost, received, counted, sent } = JSON.parse(output) as Seen;
    assert.equal(isEndless, false);
    assert.deepEqual({ misplaced, lost }, { misplaced: 0, lost: 0 });
    assert.equal(received + counted, sent);
    assert.ok(received > 100 && counted > 100, output);
  });
});
