import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Director } from '../../lab/director.js';
import { pidsIn } from '../../lab/ip.js';
import { VIP } from '../../lab/plan.js';
import { requestSeries } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { eventually, serviceRules, URL, useDirector, useLab } from './support/setting.js';
import { talk } from './support/talk.js';

describe('a director that is stopped', () => {
  const setting = useDirector({
    uvsd: ['--masquerade', '10.2.0.0/24'],
    rules: serviceRules('-s rr'),
  });

  it('leaves nothing behind', async () => {
    const { client, directorHost, director } = setting;
    await requestSeries(client, URL, 30);
    assert.notEqual(await directorHost.output('nft', ['list', 'ruleset']), '');
    assert.equal(await director.stop(), 0);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
    assert.equal(await directorHost.output('ss', ['-H', '-0']), '');
    assert.equal(existsSync(directorHost.controlSocket), false);
    assert.deepEqual(pidsIn(directorHost.namespace), []);
  });

  it('gives the VIP back to the kernel, which refuses connections to it', async () => {
    const result = await setting.client.run('curl', ['-sS', URL]);
    assert.equal(result.exit, 7);
  });

  it('can be started again, and answers segments of forgotten connections with a reset', async () => {
    const { client, directorHost } = setting;
    let director = await Director.start(directorHost);
    await director.adm('-R', { input: serviceRules('-s rr') });
    const talker = talk(client, VIP, 80);
    await talker.output(/connected/);
    await director.stop();

    const elsewhere = ['--state-dir', join(directorHost.folder, 'state2')];
    director = await Director.start(directorHost, elsewhere);
    await director.adm('-R', { input: serviceRules('-s rr') });
    talker.write('get\n');
    await talker.output(/reset/);
    assert.equal((await requestSeries(client, URL, 30)).length, 30);
    assert.equal(await director.stop(), 0);
  });
});

describe('a director that was killed', () => {
  const proc = mkdtempSync(join(tmpdir(), 'uvs-test-proc-'));
  const setting = useDirector({ uvsd: ['--procfs-dir', proc], rules: serviceRules('-s rr') });
  after(() => rmSync(proc, { recursive: true }));

  const files = (): string[] => readdirSync(join(proc, 'net'));
  const areWritten = async (): Promise<void> => {
    const seen = await eventually(
      async () => FILES.filter((name) => files().includes(name)),
      (names) => names.length === FILES.length,
    );
    assert.deepEqual(seen, FILES);
  };

  it('keeps the kernel from answering its clients, until uvsd --cleanup', async () => {
    const { client, directorHost, director } = setting;
    await requestSeries(client, URL, 3);
    await areWritten();
    await director.kill();
    assert.notEqual(await directorHost.output('nft', ['list', 'ruleset']), '');
    writeFileSync(join(proc, 'net', 'foreign'), '');
    const said = await directorHost.output('uvsd', ['--cleanup']);
    assert.ok(said.includes(`file ${join(proc, 'net', 'ip_vs')} removed`), said);
    assert.deepEqual(files(), ['foreign']);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
    assert.equal((await client.run('curl', ['-sS', URL])).exit, 7);
  });

  it('is followed by the next one, with and without --cleanup in between', async () => {
    const { client, directorHost } = setting;
    const first = await Director.start(directorHost, ['--procfs-dir', proc]);
    await areWritten();
    await first.kill();
    const second = await Director.start(directorHost);
    assert.deepEqual(files(), ['foreign'], 'nobody would write them anew');
    await second.adm('-C');
    await second.adm('-R', { input: serviceRules('-s rr') });
    assert.equal((await requestSeries(client, URL, 30)).length, 30);
    assert.equal(await second.stop(), 0);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
  });
});

const FILES = ['ip_vs', 'ip_vs_conn', 'ip_vs_stats'];

describe('uvsd refuses to start and says why', () => {
  const setting = useLab();

  it('where another director is at work', async () => {
    const { directorHost } = setting;
    const director = await Director.start(directorHost);
    const second = await uvsd();
    assert.notEqual(second.exit, 0);
    assert.match(
      second.stderr,
      new RegExp(`another director \\(process ${director.daemon.pid}\\)`),
    );
    const elsewhere = [
      '--state-dir',
      join(directorHost.folder, 'other'),
      '--socket',
      '/run/x.sock',
    ];
    const third = await directorHost.run('uvsd', elsewhere, { timeoutMs: 60_000 });
    assert.notEqual(third.exit, 0, 'two directors on the same interfaces');
    assert.equal(await director.stop(), 0);
  });

  it('for an interface that is not there', async () => {
    const result = await uvsd('--interface', 'nowhere0');
    assert.notEqual(result.exit, 0);
    assert.match(result.stderr, /nowhere0/);
  });

  it('without the capabilities it needs', async () => {
    const args = ['--bounding-set', '-net_raw', 'uvsd'];
    const result = await setting.directorHost.run('setpriv', args);
    assert.notEqual(result.exit, 0);
    assert.match(result.stderr, /CAP_NET_RAW/);
  });

  it('for an option that does not exist', async () => {
    const result = await uvsd('--fly');
    assert.notEqual(result.exit, 0);
    assert.match(result.stderr, /fly/);
  });

  afterEach(async () => {
    assert.equal(await setting.directorHost.output('nft', ['list', 'ruleset']), '');
  });

  function uvsd(...args: string[]) {
    const host = setting.directorHost;
    return host.run('uvsd', args, { timeoutMs: 60_000 });
  }
});

describe('uvsd --rules', () => {
  const setting = useLab();

  it('starts with a VIP that is not local, as ip_vs does, and warns of it', async () => {
    const { directorHost } = setting;
    const rules = join(directorHost.folder, 'foreign-vip');
    writeFileSync(rules, '-A -t 192.0.2.1:80 -s rr\n');
    const director = await Director.start(directorHost, ['--rules', rules]);
    assert.match(director.daemon.log(), / warn .*not an address of this host.*192\.0\.2\.1:80/);
    assert.match(await director.adm('-Ln'), /192\.0\.2\.1:80 rr/);
    assert.equal(await director.stop(), 0);
  });

  it('leaves rules alone that are in effect, until SIGHUP', async () => {
    const { directorHost } = setting;
    const rules = join(directorHost.folder, 'drained');
    const line = '-a -t 10.1.0.100:80 -r 10.2.0.11:80 -m -w';
    writeFileSync(rules, `-A -t 10.1.0.100:80 -s rr\n${line} 1\n`);
    const first = await Director.start(directorHost, ['--rules', rules]);
    await first.adm('-e -t 10.1.0.100:80 -r 10.2.0.11:80 -m -w 0');
    await first.kill();
    const second = await Director.start(directorHost, ['--rules', rules]);
    assert.ok((await second.adm('-Sn')).includes(`${line} 0\n`));
    process.kill(second.daemon.pid, 'SIGHUP');
    await second.daemon.logged(/rules reloaded/);
    assert.ok((await second.adm('-Sn')).includes(`${line} 1\n`));
    assert.equal(await second.stop(), 0);
  });

  it('does not start with rules that are wrong, and names their lines', async () => {
    const { directorHost } = setting;
    const rules = join(directorHost.folder, 'wrong');
    writeFileSync(rules, '# two good lines\n-A -t 192.0.2.1:80\n-A -t 192.0.2.1:80\n-x\n');
    const result = await directorHost.run('uvsd', ['--rules', rules], { timeoutMs: 60_000 });
    assert.equal(result.exit, 2);
    assert.match(result.stderr, /wrong:3: Service already exists\n.*wrong:4: /);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
  });
});

describe('uvsd --interface', () => {
  const setting = useLab();

  it('limits it to the interfaces named', async () => {
    const { lab, client, directorHost } = setting;
    await startWebServers(lab);
    const args = ['--interface', 'ext0', '--interface', 'int0'];
    const director = await Director.start(directorHost, args);
    await director.adm('-R', { input: serviceRules('-s rr') });
    assert.equal((await requestSeries(client, URL, 9)).length, 9);
    assert.equal(await director.stop(), 0);
  });
});
