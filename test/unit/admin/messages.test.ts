import assert from 'node:assert/strict';
import { Session, SOME_NAMES } from './session.js';

const TRY = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";
const NO_SERVER_ADDRESS = 'illegal real server address[:port] specified';
const NO_SERVICE_ADDRESS = 'illegal virtual server address[:port] specified';

/** Command lines, each with its exit status and what it says on standard error. */
type Cases = [line: string, exitCode: number, message: string][];

function each(cases: Cases): void {
  for (const [line, exitCode, message] of cases) {
    it(line, async () => {
      const session = new Session();
      session.names = SOME_NAMES;
      await session.run('-A -t 10.1.0.100:80 -s rr');
      await session.run('-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m');
      const result = await session.run(line);
      const stderr = message === '' ? '' : `${message}\n`;
      assert.deepEqual(result, { exitCode, stdout: '', stderr });
    });
  }
}

describe('a command line without a command at the front', () => {
  each([
    ['-n', 255, TRY],
    ['-q', 255, TRY],
    ['extra', 255, TRY],
    ['--list=3 -n', 255, TRY],
    ['--add', 255, TRY],
    ['-- -L', 255, TRY],
    ['-t 10.1.0.100:80 -A', 255, TRY],
    ['--start-daemon', 255, TRY],
    ['--set=5 6 7', 255, TRY],
  ]);
});

describe('a command line that cannot be read', () => {
  each([
    ['-L -q', 255, '-q: unknown option'],
    ['-A -t', 255, '-t: missing argument'],
    ['-A -A', 2, "invalid option `-A'"],
    ['-Lh', 2, "invalid option `-Lh'"],
    ['--start-daemon master --stop-daemon backup', 2, "invalid option `backup'"],
    ['-L extra', 2, 'unexpected argument extra'],
    ['-A -t 10.1.0.100:81 -b foo extra', 2, 'unexpected argument extra'],
    ['-L -n -n', 2, "multiple 'numeric' options specified"],
    ['-A -t 10.1.0.100:81 -f 3', 2, "multiple 'service-address' options specified"],
    ['-a -m -g', 2, "multiple 'forwarding-method' options specified"],
    ['-L -t 10.1.0.100:80 -t x', 2, "multiple 'service-address' options specified"],
  ]);
});

describe('options that do not go together', () => {
  each([
    ['-A', 2, "You need to supply the 'service-address' option for the 'add-service' command"],
    ['-A -s rr -n', 2, "Illegal 'numeric' option with the 'add-service' command"],
    [
      '-a -t 10.1.0.100:80',
      2,
      "You need to supply the 'real-server' option for the 'add-server' command",
    ],
    ['-A -t 1.1:80 -w 5', 2, "Illegal 'weight' option with the 'add-service' command"],
    [
      '-d -t 1.1:80 -r 1.2 -m',
      2,
      "Illegal 'forwarding-method' option with the 'delete-server' command",
    ],
    ['-C -t 10.1.0.100:80', 2, "Illegal 'service-address' option with the 'flush' command"],
    ['-C -n --sort', 2, "Illegal 'numeric' option with the 'flush' command"],
    ['-Z -n', 2, "Illegal 'numeric' option with the 'zero' command"],
    ['-S -c', 2, "Illegal 'connection' option with the 'save' command"],
    ['-R -n', 2, "Illegal 'numeric' option with the 'restore' command"],
    ['--set 1 2 3 -n', 2, "Illegal 'numeric' option with the 'set' command"],
    ['--start-daemon master -n', 2, "Illegal 'numeric' option with the 'start-daemon' command"],
    ['-L --tun-csum --tun-nocsum', 2, "Illegal 'tun-nocsum' option with the 'list' command"],
    [
      '-Lc --timeout',
      2,
      "The option 'timeout' conflicts with the 'connection' option in the 'list' command",
    ],
    [
      '-L --daemon -t 10.1.0.100:80',
      2,
      "The option 'daemon' conflicts with the 'service-address' option in the 'list' command",
    ],
    ['-Lc --stats', 2, 'options conflicts in the list command'],
    ['-L --timeout --thresholds', 2, 'options conflicts in the list command'],
    ['-L --daemon --persistent-conn', 2, 'options conflicts in the list command'],
  ]);
});

describe('bad values', () => {
  each([
    ['-A -t 10.1.0.100:65536', 2, NO_SERVICE_ADDRESS],
    ['-A -t fd00::1:80', 2, 'Zero port specified for non-persistent service'],
    ['-A -t [fd00::1]', 2, NO_SERVICE_ADDRESS],
    ["-a -t 10.1.0.100:80 -r ''", 2, NO_SERVER_ADDRESS],
    ['-a -r 10.2.0.3:http -t 10.1.0.100:80', 2, NO_SERVER_ADDRESS],
    ['-A -f 0', 2, "invalid fwmark value `0' specified"],
    ['-A -f 4294967296', 2, "invalid fwmark value `4294967296' specified"],
    ['-A -6 -f 7', 2, '-6 used before -f\n'],
    ['-A -t 1.1:80 -p 0', 2, "invalid timeout value `0' specified"],
    ['-A -t 1.1:80 -p 2678401', 2, "invalid timeout value `2678401' specified"],
    ["-A -t 1.1:80 -p ''", 2, "invalid timeout value `' specified"],
    ['-A -t 1.1:80 -p -5', 255, '-5: unknown option'],
    ['-A -t 1.1:80 -p 5_', 2, "invalid timeout value `5 ' specified"],
    ['-A -t 1.1:80 -M ffff::', 2, 'illegal virtual server persistent mask specified'],
    ['-A -t [::1]:80 -M 129', 2, 'illegal ipv6 netmask specified'],
    ['-A -t [::1]:80 -M 0x40', 2, 'illegal ipv6 netmask specified'],
    ['-A -t 1.1:80 -b foo', 2, "invalid scheduler flag `foo'"],
    ['-A -t 1.1:80 -b sh-port', 2, "incompatible scheduler flag `sh-port'"],
    ['-A -t 1.1:80 -b mh-port,foo -s sh', 2, "incompatible scheduler flag `mh-port'"],
    ['-e -w -1', 2, 'illegal weight specified'],
    ['-e -w 2147483648', 2, 'illegal weight specified'],
    ['-e -x 0x1', 2, 'illegal u_threshold specified'],
    ['-e -y 1.5', 2, 'illegal l_threshold specified'],
    ['--set 1 2', 2, '--set option requires 3 timeout values'],
    ['--set 1 x 2678401', 2, "invalid timeout value `x' specified"],
    ['--start-daemon MASTER', 2, 'illegal start-daemon parameter specified'],
    ['--stop-daemon nosuch', 2, 'illegal start_daemon specified'],
    ['-L --syncid 256', 2, 'illegal syncid specified'],
    ['--start-daemon master --mcast-port 0', 2, 'illegal mcast-port specified'],
    ['--start-daemon master --mcast-ttl 256', 2, 'illegal mcast-ttl specified'],
    ['--start-daemon master --sync-maxlen 65508', 2, 'illegal sync-maxlen specified'],
    ['--start-daemon master --mcast-group 224.1', 2, "invalid IPv4 mcast-group `224.1'"],
    ['--start-daemon master --mcast-group fd00::1', 2, "invalid IPv6 mcast-group `fd00::1'"],
    ['-a --tun-type GRE', 2, 'illegal tunnel type specified'],
    ['-a --tun-port 0', 2, 'illegal tunnel port specified'],
  ]);
});

describe('values that do not go together', () => {
  const tunnel = '-a -t 10.1.0.100:80 -r 10.2.0.3 -i';
  each([
    ['-A -t 10.1.0.100:0 -o', 2, 'Zero port specified for non-persistent service'],
    ['-A -t 10.1.0.100:81 -o', 2, 'One-Packet Scheduling is only for UDP virtual services'],
    ['-A -u 10.1.0.100:81 -o', 0, ''],
    ['-A -f 1 -o', 0, ''],
    [
      '-a -t 10.1.0.100:80 -r [fd00::2]:80 -m --tun-type gre',
      2,
      'Different address family is allowed only for tunneling servers',
    ],
    [
      '-a -t 10.1.0.100:80 -r 10.2.0.3 --tun-csum',
      2,
      'Tunnel options conflict with forward method',
    ],
    [
      `${tunnel} --tun-type gue`,
      2,
      "You need to supply the 'tun-port' option for the 'gue' tunnel type",
    ],
    [`${tunnel} --tun-port 5`, 2, "Illegal 'tun-port' option with the 'ipip' tunnel type"],
    [
      `${tunnel} --tun-type gre --tun-remcsum`,
      2,
      "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
    ],
    [
      `${tunnel} --tun-type gre --tun-csum --tun-nocsum`,
      2,
      "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gre' tunnel type",
    ],
    [`${tunnel} --tun-type gue --tun-port 7 --tun-remcsum`, 0, ''],
  ]);
});

describe('refusals of the director', () => {
  each([
    ['-A -t 10.1.0.100:80', 255, 'Service already exists'],
    ['-A -t 1.1:80 -s averyveryverylongname', 255, 'Scheduler or persistence engine not found'],
    ['-E -t 10.1.0.100:80 -s nosuch', 255, 'Scheduler or persistence engine not found'],
    ['-E -t 10.1.0.100:81', 255, 'No such service'],
    ['-D -f 9', 255, 'No such service'],
    ['-Z -u 10.1.0.100:80', 255, 'No such service'],
    ['-L -t 10.1.0.100:81', 1, 'No such service'],
    ['-a -t 10.1.0.100:81 -r 10.2.0.2 -m', 255, 'Service not defined'],
    ['-e -t 10.1.0.100:81 -r 10.2.0.2 -m', 255, 'Service not defined'],
    ['-d -t 10.1.0.100:81 -r 10.2.0.2', 255, 'Service not defined'],
    ['-a -t 10.1.0.100:80 -r 10.2.0.2:81 -g', 255, 'Destination already exists'],
    ['-e -t 10.1.0.100:80 -r 10.2.0.3', 255, 'No such destination'],
    ['-d -t 10.1.0.100:80 -r 10.2.0.2:81', 255, 'No such destination'],
    ['-e -t 10.1.0.100:80 -r 10.2.0.2 -y 1', 255, 'Numerical result out of range'],
    [
      '-a -t 10.1.0.100:80 -r 224.0.0.5',
      255,
      'Invalid operation.  Possibly wrong module version, address not unicast, ...',
    ],
    ['--start-daemon master', 255, 'No such device'],
    ['--stop-daemon backup', 255, 'No daemon is running'],
  ]);

  it('tells what is not supported in the director’s words', async () => {
    const session = new Session();
    session.director.failure = 'EOPNOTSUPP';
    const { exitCode, stderr } = await session.run('-A -u 10.1.0.100:53');
    assert.deepEqual([exitCode, stderr], [255, 'the director says EOPNOTSUPP\n']);
  });

  it('fails a listing with another status than a change', async () => {
    const session = new Session();
    session.director.failure = 'EPERM';
    for (const [line, exitCode] of [
      ['-L', 1],
      ['-S', 1],
      ['-C', 255],
    ] as const) {
      const result = await session.run(line);
      assert.equal(result.exitCode, exitCode, line);
      assert.equal(result.stderr, 'Permission denied (you must be root)\n', line);
    }
  });
});
