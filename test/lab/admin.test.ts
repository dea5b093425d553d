import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { requestSeries } from '../../lab/traffic.js';
import { serviceRules, SERVICE, URL, useDirector } from './support/setting.js';
import { asNobody, NOBODY } from './support/stranger.js';

describe('uvsadm', () => {
  const setting = useDirector({ rules: serviceRules('-s wrr', [3, 2, 1]) });

  it('lists services and servers as ipvsadm does', async () => {
    const listing = await setting.director.adm('-Ln');
    const [title, ...rest] = listing.split('\n');
    assert.match(title, /^IP Virtual Server version 1\.2\.1 \(size=\d+\)$/);
    assert.deepEqual(rest, [
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  10.1.0.100:80 wrr',
      '  -> 10.2.0.11:80                 Masq    3      0          0         ',
      '  -> 10.2.0.12:80                 Masq    2      0          0         ',
      '  -> 10.2.0.13:80                 Masq    1      0          0         ',
      '',
    ]);
  });

  it('does the same when called ipvsadm', async () => {
    const { directorHost, director } = setting;
    for (const words of [['-Ln'], ['-Sn'], ['-L', '--timeout'], ['-Ln', '--stats']]) {
      const answer = await directorHost.output('ipvsadm', words);
      assert.equal(answer, await director.adm(words.join(' ')));
    }
    const wrong = await directorHost.run('ipvsadm', ['-A', '-t', SERVICE, '-s', 'wrr']);
    assert.deepEqual([wrong.exit, wrong.stderr], [255, 'Service already exists\n']);
  });

  it('saves rules that restore the same services', async () => {
    const { directorHost, director, client } = setting;
    const saved = await directorHost.output('uvsadm-save', ['-n']);
    await director.adm('-C');
    assert.equal(await director.adm('-Sn'), '');
    assert.equal((await client.run('curl', ['-s', URL])).exit, 7);
    await directorHost.output('uvsadm-restore', [], { input: `# a comment\n${saved}` });
    assert.equal(await director.adm('-Sn'), saved);
    assert.equal((await requestSeries(client, URL, 6)).length, 6);
  });

  it('says what is wrong, with the exit status of ipvsadm', async () => {
    const cases = [
      { line: `-A -t ${SERVICE} -s wrr`, exit: 255, stderr: 'Service already exists\n' },
      { line: '-D -t 10.1.0.100:81', exit: 255, stderr: 'No such service\n' },
      {
        line: `-a -t ${SERVICE} -r 10.2.0.11 -m`,
        exit: 255,
        stderr: 'Destination already exists\n',
      },
      { line: '-A -t 10.1.0.100:0 -s rr', exit: 2, stderr: /^Zero port specified/ },
    ];
    for (const { line, exit, stderr } of cases) {
      const result = await setting.director.run(line);
      assert.equal(result.exit, exit, line);
      if (typeof stderr === 'string') assert.equal(result.stderr, stderr, line);
      else assert.match(result.stderr, stderr, line);
    }
  });

  it('says so where there is no director', async () => {
    const env = { UVS_SOCKET: join(setting.directorHost.folder, 'nobody.sock') };
    const result = await setting.directorHost.run('uvsadm', ['-Ln'], { env });
    assert.equal(result.exit, 2);
    assert.match(result.stderr, /nobody\.sock/);
  });

  it('is for root alone: nobody else may write to the control socket', async () => {
    const { directorHost } = setting;
    assert.equal(statSync(directorHost.controlSocket).mode & 0o777, 0o600);
    const test = ['test', '-w', directorHost.controlSocket];
    const nobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
    assert.equal((await directorHost.run('setpriv', test)).exit, 0);
    assert.equal((await directorHost.run('setpriv', [...nobody, ...test])).exit, 1);
    const adm = asNobody('bin/uvsadm.js', ['-Ln']);
    const outside = await directorHost.run('unshare', adm);
    assert.match(outside.stderr, /permission denied: only root and its owner may open/i);
    chmodSync(directorHost.controlSocket, 0o666);
    const inside = await directorHost.run('unshare', adm);
    assert.match(inside.stderr, /permission denied: user 65534/i);
    assert.notEqual(inside.exit, 0);
  });
});
