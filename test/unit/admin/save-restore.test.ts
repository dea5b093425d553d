import assert from 'node:assert/strict';
import { runRestore, runSave } from '../../../src/admin/run.js';
import { Session, SOME_NAMES } from './session.js';

/** Services and servers of every kind. */
const SAVED = `-A -t 192.168.0.1:443 -s rr -p 360 -M 255.255.255.0
-a -t 192.168.0.1:443 -r 10.1.1.1:8443 -m -w 0
-A -t 10.5.5.5:80 -s wlc
-A -u 10.0.0.1:53 -s wrr -o
-A --sctp-service 10.0.0.1:9999 -s lc -b flag-1,flag-3
-A -t [2001:db8::1]:80 -s mh -p 60 -M 64 -b mh-fallback
-a -t [2001:db8::1]:80 -r 10.2.0.2:80 -i -w 1 --tun-type ipip
-a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -g -w 1
-A -f 5 -s sh -p 300 --pe sip -o -b sh-fallback,sh-port
-a -f 5 -r 10.2.0.2:0 -i -w 2 --tun-type gue --tun-port 5555 --tun-remcsum
-a -f 5 -r 10.2.0.3:0 -i -w 3 --tun-type gre --tun-nocsum
-A -f 7 -6 -s wlc
-a -f 7 -6 -r [fd00::2]:0 -m -w 1
`;

async function restored(input: string): Promise<Session> {
  const session = new Session();
  assert.deepEqual(await session.run('-R', input), { exitCode: 0, stdout: '', stderr: '' });
  return session;
}

async function services(session: Session): Promise<string[]> {
  const { stdout } = await session.run('-Sn');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('-S', () => {
  it('writes what -R makes the same services of', async () => {
    const session = await restored(SAVED);
    assert.equal((await session.run('-S -n')).stdout, SAVED);
  });

  it('writes nothing where there is nothing', async () => {
    assert.deepEqual(await new Session().run('-S'), { exitCode: 0, stdout: '', stderr: '' });
  });

  it('leaves out thresholds, and writes large marks and unnamed flags as -R can’t read them', async () => {
    const session = await restored(
      '-A -f 4294967295 -s mh -b flag-3\n-a -f 4294967295 -r 10.2.0.2 -m -x 9 -y 4\n',
    );
    assert.deepEqual(await services(session), [
      '-A -f -1 -s mh -b ',
      '-a -f -1 -r 10.2.0.2:0 -m -w 1',
    ]);
  });

  it('writes names without -n, cut at 59 characters', async () => {
    const session = await restored(
      '-A -t 10.1.0.100:80\n-a -t 10.1.0.100:80 -r 10.5.5.6:80 -m\n-A -t 10.5.5.5:80\n',
    );
    session.names = SOME_NAMES;
    assert.deepEqual((await session.run('-S')).stdout.split('\n'), [
      '-A -t vip.example:http -s wlc',
      '-a -t vip.example:http -r n456789012345678901234567890123456789012345678901234567:htt -m -w 1',
      '-A -t a-name-much-longer-than-thirty-three-characters.example.org -s wlc',
      '',
    ]);
  });
});

const line = (port: number): string => `-A -t 10.1.0.100:${port}`;
const saved = (port: number): string => `${line(port)} -s wlc`;

describe('-R', () => {
  it('splits lines at blanks, tabs and carriage returns, and drops the word ipvsadm', async () => {
    const session = await restored(
      `\n  \n   -A\t-t   10.1.0.100:80  \r\nipvsadm ${line(81)}\n-A ipvsadm -t 10.1.0.100:82 ipvsadm\n` +
        `ipvsadm\n${line(83)}`,
    );
    assert.deepEqual(await services(session), [80, 81, 82, 83].map(saved));
  });

  it('loses a last line that ends in two blanks and no line feed', async () => {
    for (const end of ['  ', '\t\t', '\r\r', ' \t']) {
      assert.deepEqual(await services(await restored(`${line(80)}\n${line(81)}${end}`)), [
        saved(80),
      ]);
    }
    for (const end of [' ', '\t', '\r', '  \n']) {
      assert.deepEqual(
        await services(await restored(`${line(80)}\n${line(81)}${end}`)),
        [80, 81].map(saved),
      );
    }
  });

  it('takes its input in pieces', async () => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (const byte of Buffer.from(`${line(80)}\n${line(81)} -s rr`)) yield Uint8Array.of(byte);
    }
    const session = new Session();
    assert.equal((await session.runWords(['-R'], pieces())).exitCode, 0);
    assert.deepEqual(await services(session), [saved(80), `${line(81)} -s rr`]);
  });

  /** Three lines, the middle one with a fault: what is said, and how it ends. */
  const faults: [middle: string, exitCode: number, goesOn: boolean, stderr: string][] = [
    [line(80), 0, true, 'Service already exists'],
    ['-A -t', 0, true, '-t: missing argument'],
    ['-L -q', 0, true, '-q: unknown option'],
    ['-A -t nonsense:x', 2, false, 'illegal virtual server address[:port] specified'],
    ['-A -t 10.1.0.100:5 # x', 2, false, 'unexpected argument #'],
    [
      '-A',
      2,
      false,
      "You need to supply the 'service-address' option for the 'add-service' command",
    ],
    ['# comment', 255, false, "Try `ipvsadm -h' or 'ipvsadm --help' for more information."],
    ['-R', 255, false, "Try `ipvsadm -h' or 'ipvsadm --help' for more information."],
    ['-L -t 10.1.0.100:5', 1, false, 'No such service'],
  ];
  for (const [middle, exitCode, goesOn, stderr] of faults) {
    it(`${goesOn ? 'goes on after' : 'stops at'} "${middle}"`, async () => {
      const session = new Session();
      const result = await session.run('-R', `${line(80)}\n${middle}\n${line(81)}\n`);
      assert.deepEqual(result, { exitCode, stdout: '', stderr: `${stderr}\n` });
      assert.deepEqual(await services(session), (goesOn ? [80, 81] : [80]).map(saved));
    });
  }

  it('has the exit status of its last line', async () => {
    assert.equal((await new Session().run('-R', `${line(80)}\n${line(80)}\n`)).exitCode, 255);
    assert.equal((await new Session().run('-R', `${line(80)}\n-A -q\n`)).exitCode, 255);
    assert.equal((await new Session().run('-R', '')).exitCode, 0);
  });

  it('lists where a line says so, and ends at -v', async () => {
    const session = new Session();
    const result = await session.run('-R', `${line(80)}\n-Ln -t 10.1.0.100:80\n-v\n${line(81)}\n`);
    assert.equal(result.exitCode, 0);
    assert.match(
      result.stdout,
      /^Prot .*\n {2}-> .*\nTCP {2}10\.1\.0\.100:80 wlc\nuvsadm v1\.2\.3 .*\n$/,
    );
    assert.deepEqual(await services(session), [saved(80)]);
  });
});

describe('uvsadm-save and uvsadm-restore', () => {
  it('save in numbers with -n, and know no other option', async () => {
    const session = await restored('-A -t 10.1.0.100:80\n');
    session.names = SOME_NAMES;
    session.programName = 'uvsadm-save';
    const save = (...words: string[]) => session.collect((context) => runSave(words, context));
    assert.equal((await save()).stdout, '-A -t vip.example:http -s wlc\n');
    assert.equal((await save('extra', '-n')).stdout, '-A -t 10.1.0.100:80 -s wlc\n');
    assert.deepEqual(await save('-n', '-x'), {
      exitCode: 1,
      stdout: '',
      stderr:
        'uvsadm-save: Script to save the IPVS table to stdout.\n' +
        '   With the -n option, prints out the table in numeric format.\n',
    });
  });

  it('restore in the place of what there is, without lines that begin with "#"', async () => {
    const session = await restored('-A -t 10.1.0.100:80\n');
    session.programName = 'uvsadm-restore';
    const restore = (input: string) => session.collect((context) => runRestore(input, context));
    assert.equal(
      (await restore('# old\n-A -t 10.1.0.100:81\n#\n-A -t 10.1.0.100:82  ')).exitCode,
      0,
    );
    assert.deepEqual(await services(session), [
      '-A -t 10.1.0.100:81 -s wlc',
      '-A -t 10.1.0.100:82 -s wlc',
    ]);
    const result = await restore('-A -t 10.1.0.100:83\n # indented\n');
    assert.equal(result.exitCode, 255);
    assert.equal(result.stderr, "Try `uvsadm -h' or 'uvsadm --help' for more information.\n");
    assert.deepEqual(await services(session), ['-A -t 10.1.0.100:83 -s wlc']);
  });
});
