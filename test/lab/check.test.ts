import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Director } from '../../lab/director.js';
import type { RunResult } from '../../lab/process.js';
import { serviceRules, useLab } from './support/setting.js';

describe('uvsd --check', () => {
  const setting = useLab();

  before(async () => {
    const off = ['net.ipv4.ip_forward=0', 'net.ipv4.conf.lo.forwarding=0'];
    await setting.directorHost.output('sysctl', ['-qw', ...off]);
  });

  function check(config: object, ...words: string[]): Promise<RunResult> {
    const file = join(setting.directorHost.folder, 'uvsd.json');
    writeFileSync(file, JSON.stringify(config));
    return setting.directorHost.run('uvsd', ['--check', '--config', file, ...words]);
  }

  function rules(text: string): string {
    const file = join(setting.directorHost.folder, 'rules');
    writeFileSync(file, text);
    return file;
  }

  it('says what a director would work with, and changes nothing', async () => {
    const { directorHost } = setting;
    const stateDir = join(directorHost.folder, 'unmade');
    const good = { rules: rules(serviceRules('-s rr')), 'state-dir': stateDir };
    const result = await check(good, '--state-dir', stateDir);
    assert.deepEqual([result.exit, result.stderr], [0, '']);
    assert.match(result.stdout, /could start: interfaces ext0, int0; 1 services, 3 servers\n$/);
    assert.equal(existsSync(stateDir), false);
    assert.equal(await directorHost.output('nft', ['list', 'ruleset']), '');
    assert.equal(await directorHost.output('sysctl', ['-n', 'net.ipv4.ip_forward']), '0\n');
  });

  it('says all that is wrong at once, with file and key', async () => {
    const bad = {
      interface: ['ext0', 'nowhere0', 'nowhere1'],
      rules: rules('-A -t 10.1.0.100:80\n-D -t 10.1.0.100:81\n'),
      driver: 'steam',
      fly: true,
    };
    const result = await check(bad, '--state-dir', '/nowhere/deep');
    assert.equal(result.exit, 2);
    const expected = [
      /uvsd\.json: driver: "steam" won't do/,
      /uvsd\.json: there is no option "fly"/,
      /rules:2: No such service/,
      /uvsd\.json: interface: there is no interface "nowhere0"/,
      /uvsd\.json: interface: there is no interface "nowhere1"/,
      /--state-dir: there is no directory \/nowhere/,
    ];
    const lines = result.stderr.trimEnd().split('\n');
    for (const [index, pattern] of expected.entries()) assert.match(lines[index], pattern);
    assert.equal(lines.length, expected.length);
  });

  it('tells what the host lacks from what the user got wrong', async () => {
    const result = await check({ interface: ['nowhere0'] });
    assert.equal(result.exit, 1);
    const raw = ['--bounding-set', '-net_raw', 'uvsd', '--check'];
    const powerless = await setting.directorHost.run('setpriv', raw);
    assert.equal(powerless.exit, 1);
    assert.match(powerless.stderr, /lacks CAP_NET_RAW/);
  });

  it('says where metrics could not be served', async () => {
    const result = await check({ metrics: '192.0.2.1:9110' });
    assert.equal(result.exit, 1);
    assert.match(
      result.stderr,
      /uvsd\.json: metrics: can't listen at 192\.0\.2\.1:9110: that is no address of this host/,
    );
  });

  it('names settings that it could not change, such as with a read-only /proc/sys', async () => {
    const { directorHost } = setting;
    const script =
      'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && uvsd --check';
    const result = await directorHost.run('unshare', ['--mount', 'sh', '-c', script]);
    assert.equal(result.exit, 1);
    assert.match(result.stderr, /can't set net\.ipv4\.ip_forward=1: EROFS\. .*--sysctl/);
    assert.match(result.stderr, /can't set net\.ipv4\.conf\.lo\.forwarding=1: EROFS/);
  });

  it('warns of a table without room, and of a director that is at work', async () => {
    const { directorHost } = setting;
    const script = [
      `mkdir small && mount -t tmpfs -o size=4m tmpfs small`,
      `uvsd --check --state-dir small/state --max-connections 1000000`,
    ].join(' && ');
    const inFolder = `cd ${directorHost.folder} && ${script}`;
    const small = await directorHost.run('unshare', ['--mount', 'sh', '-c', inFolder]);
    assert.equal(small.exit, 0);
    assert.match(small.stderr, / warn .*no room for full tables.*availableMegabytes=[0-4] /);

    const director = await Director.start(directorHost);
    const result = await check({});
    assert.equal(result.exit, 0);
    const pid = director.daemon.pid;
    assert.match(result.stderr, new RegExp(`another director is at work .*pid=${pid}`));
    assert.equal(await director.stop(), 0);
  });
});
