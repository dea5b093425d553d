import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Director } from '../../lab/director.js';
import { identityOf, isRunning } from '../../lab/identity.js';
import { VIP } from '../../lab/plan.js';
import { makeTestFile, requestSeries, wrk } from '../../lab/traffic.js';
import { destinationsOf } from './support/listings.js';
import {
  eventually,
  PATIENCE_SECONDS,
  serviceRules,
  URL,
  useDirector,
  type Setting,
} from './support/setting.js';
import { talk } from './support/talk.js';

const SERVICE = `${VIP}:80`;
const FILE_BYTES = 300_000_000;
const KILLS = 4;
const LOAD = { connections: 10, patienceSeconds: PATIENCE_SECONDS };

/** The process that moves the packets. */
function workerPid({ directorHost }: Setting): number {
  return Number(readFileSync(join(directorHost.folder, 'state/tables/owner'), 'utf8'));
}

/** Kills it and resolves when its successor is at work. */
async function killWorker(setting: Setting): Promise<void> {
  const pid = workerPid(setting);
  process.kill(pid, 'SIGKILL');
  await eventually(
    async () => workerPid(setting),
    (now) => now !== pid && now > 0,
  );
}

describe('a data plane that is killed', () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });

  it('loses no request and no byte, time after time', async () => {
    const { client, lab } = setting;
    const file = makeTestFile(lab, 'large', FILE_BYTES);
    const load = wrk(client, URL, { ...LOAD, seconds: 8 });
    const script = `set -o pipefail; curl -sS --fail ${URL}files/large | sha256sum`;
    const download = client.run('bash', ['-c', script]);
    for (let i = 0; i < KILLS; i++) {
      await requestSeries(client, URL, 20);
      await killWorker(setting);
    }
    const { failures, requests } = await load;
    assert.deepEqual(failures, []);
    assert.ok(requests > 0);
    const { exit, stdout } = await download;
    assert.deepEqual([exit, stdout.slice(0, 64)], [0, file.sha256]);
  });

  it('keeps connections, their servers and their counts', async () => {
    const { client, director } = setting;
    const talkers = Array.from({ length: 6 }, () => talk(client, VIP, 80));
    await Promise.all(talkers.map((talker) => talker.output(/connected/)));
    const before = destinationsOf(await director.adm('-Ln')).map(({ active }) => active);
    await killWorker(setting);
    const after = destinationsOf(await director.adm('-Ln')).map(({ active }) => active);
    assert.deepEqual(after, before);
    assert.deepEqual(after, [2, 2, 2]);
    for (const talker of talkers) {
      talker.write('get\n');
      await talker.output(/data/);
      talker.write('end\n');
    }
  });

  it('makes every change that was answered, and none twice', async () => {
    const { director } = setting;
    const ports = Array.from({ length: 6 }, (_, i) => 8000 + i);
    for (const port of ports) {
      const adding = director.adm(`-A -t ${VIP}:${port} -s wlc`);
      if (port % 3 === 0) await killWorker(setting);
      await adding;
      await director.adm(`-a -t ${VIP}:${port} -r 10.2.0.11:80 -m -w ${port - 7999}`);
    }
    const listing = await director.adm('-Ln');
    for (const port of ports) {
      assert.match(
        listing,
        new RegExp(`${VIP}:${port} wlc\\n  -> 10.2.0.11:80 +Masq +${port - 7999} `),
      );
      await director.adm(`-D -t ${VIP}:${port}`);
    }
    assert.equal((await requestSeries(setting.client, URL, 30)).length, 30);
  });

  it('is left out of what it damaged: the file is kept aside, services stay', async () => {
    const { client, directorHost, director } = setting;
    const tables = join(directorHost.folder, 'state/tables');
    // A data plane that is stopped doesn't write while its tables are damaged.
    const pid = workerPid(setting);
    process.kill(pid, 'SIGSTOP');
    const copy = readFileSync(join(tables, 'connections')).subarray(0, 4096);
    writeFileSync(join(tables, 'connections.new'), copy);
    await directorHost.output('mv', [join(tables, 'connections.new'), join(tables, 'connections')]);
    await killWorker(setting);
    await director.daemon.logged(/table connections can't be used: cut short/);
    assert.ok(readdirSync(tables).includes('connections.aside'));
    assert.equal((await requestSeries(client, URL, 30)).length, 30);
  });
});

describe('a director that is killed', () => {
  const setting = useDirector({ rules: serviceRules('-s rr -p 100') });

  it('leaves its data plane at work: kept and new connections go on without it', async () => {
    const { client, director, directorHost } = setting;
    const talker = talk(client, VIP, 80);
    await talker.output(/connected/);
    const worker = identityOf(workerPid(setting));
    assert.ok(worker !== undefined);
    await director.kill();
    assert.ok(isRunning(worker));
    talker.write('get\n');
    await talker.output(/data/);
    assert.equal((await requestSeries(client, URL, 20)).length, 20);

    setting.director = await Director.start(directorHost);
    await setting.director.daemon.logged(/taking over from the data plane/, 1);
    assert.ok(!isRunning(worker));
    const listing = await setting.director.adm('-Ln');
    assert.match(listing, /-p 100|persistent 100/);
    assert.equal(destinationsOf(listing).length, 3);
    talker.write('last\n');
    await talker.output(/end/);
  });

  it('keeps everything where the next one can not start, and refuses one with another state directory', async () => {
    const { client, director, directorHost } = setting;
    const worker = identityOf(workerPid(setting));
    assert.ok(worker !== undefined);
    await director.kill();
    const wrong = await directorHost.run('uvsd', ['--interface', 'nowhere0']);
    assert.equal(wrong.exit, 1);
    const elsewhere = join(directorHost.folder, 'elsewhere');
    const other = await directorHost.run('uvsd', ['--state-dir', elsewhere]);
    assert.equal(other.exit, 1);
    assert.match(
      other.stderr,
      /process \d+\) moves packets in this network; end it with `uvsd --cleanup/,
    );
    assert.ok(isRunning(worker));
    assert.equal((await requestSeries(client, URL, 10)).length, 10);
    setting.director = await Director.start(directorHost);
    assert.equal(destinationsOf(await setting.director.adm('-Ln')).length, 3);
  });

  it('is followed by one that finds connections and services, where both were killed', async () => {
    const { client, directorHost } = setting;
    const talker = talk(client, VIP, 80);
    await talker.output(/connected/);
    const worker = workerPid(setting);
    await setting.director.kill();
    process.kill(worker, 'SIGKILL');
    setting.director = await Director.start(directorHost);
    talker.write('get\n');
    await talker.output(/data/);
    assert.match(await setting.director.adm('-Lnc'), / ASSURED /);
  });

  it('restores the rules from their copy where the tables are damaged as well', async () => {
    const { client, directorHost } = setting;
    const tables = join(directorHost.folder, 'state/tables');
    const saved = join(directorHost.folder, 'state/rules.saved');
    await eventually(
      async () => existsSync(saved) && readFileSync(saved, 'utf8').includes('10.2.0.13'),
      (isSaved) => isSaved,
    );
    const worker = workerPid(setting);
    await setting.director.kill();
    process.kill(worker, 'SIGKILL');
    truncateSync(join(tables, 'services'), 100);
    setting.director = await Director.start(directorHost);
    assert.match(setting.director.daemon.log(), /rules restored from their copy/);
    assert.equal(destinationsOf(await setting.director.adm('-Ln')).length, 3);
    assert.equal((await requestSeries(client, URL, 10)).length, 10);
  });

  it('is replaced by a restart with SIGUSR2 and by uvs upgrade, and nobody notices', async () => {
    const { client, directorHost } = setting;
    const load = wrk(client, URL, { ...LOAD, seconds: 6 });
    assert.equal(await setting.director.daemon.stop('SIGUSR2'), 0);
    setting.director = await Director.start(directorHost);
    const { pid } = setting.director.daemon;
    assert.match(await directorHost.output('uvs', ['upgrade']), /^uvsd is version /);
    assert.equal(setting.director.daemon.pid, pid);
    assert.deepEqual((await load).failures, []);
    assert.equal(
      (await setting.director.adm(`-Ln -t ${SERVICE}`)).includes('persistent 100'),
      true,
    );
    assert.equal(await setting.director.stop(), 0);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
  });
});

describe('a data plane that does not come up again', () => {
  const setting = useDirector({
    uvsd: ['--on-failure', 'release'],
    rules: serviceRules('-s rr'),
  });

  it('is given up loudly, its packets go to the kernel, and it recovers when it can', async () => {
    const { client, director, directorHost } = setting;
    const owner = join(directorHost.folder, 'state/tables/owner');
    const pid = workerPid(setting);
    rmSync(owner);
    mkdirSync(owner);
    process.kill(pid, 'SIGKILL');
    const { daemon } = director;
    await daemon.logged(/error the data plane does not come up.*released to the kernel/, 30_000);
    const refused = await client.run('curl', ['-sS', '--max-time', '5', URL]);
    assert.equal(refused.exit, 7, 'the kernel refuses what nobody listens for');
    const edit = await director.run(`-A -t ${VIP}:81 -s rr`);
    assert.deepEqual([edit.exit, edit.stdout], [255, '']);
    assert.match(edit.stderr, /the data plane does not come up, see the log of uvsd/);
    assert.match(await director.adm('-Ln'), new RegExp(`${SERVICE} rr`), 'listings still work');

    rmdirSync(owner);
    await daemon.logged(/the data plane has recovered/, 30_000);
    assert.equal((await requestSeries(client, URL, 30)).length, 30);
    assert.equal(await director.stop(), 0);
  });
});
