import assert from 'node:assert/strict';
import { NO_STATISTICS } from './fake-director.js';
import { Session, SOME_NAMES } from './session.js';

const HEAD = 'IP Virtual Server version 1.2.1 (size=4096)';
const TITLES = [
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
];

/** Runs each line, which must be accepted. */
async function after(...lines: string[]): Promise<Session> {
  const session = new Session();
  for (const line of lines) {
    assert.deepEqual(await session.run(line), { exitCode: 0, stdout: '', stderr: '' }, line);
  }
  return session;
}

async function lists(session: Session, line: string, ...expected: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await session.run(line);
  assert.deepEqual(stdout.split('\n'), [...expected, '']);
  assert.deepEqual([exitCode, stderr], [0, '']);
}

describe('-L', () => {
  it('shows only titles where there is nothing, also without any word', async () => {
    const session = new Session();
    await lists(session, '-L', HEAD, ...TITLES);
    await lists(session, '', HEAD, ...TITLES);
  });

  it('shows services and servers of every kind', async () => {
    const session = await after(
      '-A -t 192.168.0.1:443 -s rr -p -M 255.255.255.0',
      '-a -t 192.168.0.1:443 -r 10.1.1.1:8443 -m -w 0',
      '-A -t 10.0.0.1:80 -M 255.255.255.0',
      '-a -t 10.0.0.1:80 -r 192.168.1.10:80 -g -w 2147483647',
      '-A -u 10.0.0.1:53 -s wrr -o -b flag-1,flag-3',
      '-A -t [2001:db8::1]:80 -s mh -b mh-fallback -p 30 -M 64',
      '-a -t [2001:db8::1]:80 -r [2001:db8:1111:2222:3333:4444:5555:6666]:8080 -m -w 100',
      '-A -f 5 -s sh -p 300 --pe sip -b sh-fallback,sh-port',
      '-A -f 7 -6 -s sh -b flag-3 -p',
      '-a -f 7 -6 -r 10.2.0.2 -i',
    );
    await lists(
      session,
      '-Ln',
      HEAD,
      ...TITLES,
      'TCP  192.168.0.1:443 rr persistent 360 mask 255.255.255.0',
      '  -> 10.1.1.1:8443                Masq    0      0          0         ',
      'TCP  10.0.0.1:80 wlc',
      '  -> 192.168.1.10:80              Route   2147483647 0          0         ',
      'UDP  10.0.0.1:53 wrr (flag-1,flag-3) ops',
      'TCP  [2001:db8::1]:80 mh (mh-fallback) persistent 30 mask 64',
      '  -> [2001:db8:1111:2222:3333:4444:5555:6666]:8080 Masq    100    0          0         ',
      'FWM  5 sh (sh-fallback,sh-port) persistent 300 pe sip',
      'FWM  7 IPv6 sh () persistent 360',
      '  -> 10.2.0.2:0                   Tunnel  1      0          0         ',
    );
  });

  it('shows one service without the head line', async () => {
    const session = await after('-A -f 4294967295 -s rr', '-A -f 4294967295 -6');
    await lists(session, '-Ln -f 4294967295', ...TITLES, 'FWM  -1 rr');
    await lists(session, '-Ln -f 4294967295 -6', ...TITLES, 'FWM  -1 IPv6 wlc');
  });

  it('keeps the director’s order with --nosort', async () => {
    const session = await after(
      '-A -t 10.1.0.100:80',
      '-a -t 10.1.0.100:80 -r 10.2.0.3 -m',
      '-a -t 10.1.0.100:80 -r 10.2.0.2 -m',
      '-a -t 10.1.0.100:80 -r 10.2.0.4 -m',
    );
    const servers = async (line: string): Promise<string> =>
      [...(await session.run(line)).stdout.matchAll(/10\.2\.0\.(\d)/g)].map(([, n]) => n).join('');
    assert.equal(await servers('-Ln'), '234');
    assert.equal(await servers('-Ln --nosort'), '423');
  });

  it('shows thresholds and templates', async () => {
    const session = await after(
      '-A -t 10.0.0.1:80',
      '-a -t 10.0.0.1:80 -r 192.168.1.10 -m -x 100 -y 80',
    );
    const [server] = session.director.entries[0].destinations;
    Object.assign(server, {
      activeConnections: 5,
      inactiveConnections: 12,
      persistentConnections: 3,
    });
    await lists(
      session,
      '-Ln --thresholds --persistent-conn',
      HEAD,
      'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  10.0.0.1:80 wlc',
      '  -> 192.168.1.10:80              100        80         5          12        ',
    );
    await lists(
      session,
      '-Ln --persistent-conn --tun-info',
      HEAD,
      'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  10.0.0.1:80 wlc',
      '  -> 192.168.1.10:80              1         3           5          12        ',
    );
  });

  it('shows tunnels', async () => {
    const add = '-a -t 10.1.0.100:80 -i -r';
    const session = await after(
      '-A -t 10.1.0.100:80 -s rr',
      '-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m',
      `${add} 10.2.0.3`,
      `${add} 10.2.0.4 --tun-type gue --tun-port 5555`,
      `${add} 10.2.0.5 --tun-type gre --tun-csum`,
      `${add} 10.2.0.6 --tun-type gue --tun-port 7 --tun-remcsum`,
    );
    await lists(
      session,
      '-Ln --tun-info',
      HEAD,
      TITLES[0],
      '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
      'TCP  10.1.0.100:80 rr',
      '  -> 10.2.0.2:80                  Masq    n/a           1      0          0         ',
      '  -> 10.2.0.3:80                  Tunnel  ipip          1      0          0         ',
      '  -> 10.2.0.4:80                  Tunnel  gue:5555:-c   1      0          0         ',
      '  -> 10.2.0.5:80                  Tunnel  gre:+c        1      0          0         ',
      '  -> 10.2.0.6:80                  Tunnel  gue:7:r+c     1      0          0         ',
    );
  });
});

/** A service and a server with counters on both sides of each limit. */
async function counting(): Promise<Session> {
  const session = await after('-A -t 192.168.0.1:443', '-a -t 192.168.0.1:443 -r 10.1.1.1 -m');
  const [service] = session.director.entries;
  service.statistics = {
    connections: 12_345_678,
    inPackets: 99_999_999,
    outPackets: 100_000_000,
    inBytes: 999_999_999,
    outBytes: 1_000_000_000,
    connectionsPerSecond: 123_456_789,
    inPacketsPerSecond: 17,
    outPacketsPerSecond: 1000,
    inBytesPerSecond: 123_456_789,
    outBytesPerSecond: 2_345_678_901,
  };
  service.destinations[0].statistics = {
    ...NO_STATISTICS,
    connections: 99_999_999_999,
    inPackets: 100_000_000_000,
    outPackets: 567_890_123_456,
    inBytes: 99_999_999_999_999,
    outBytes: 100_000_000_000_000,
  };
  return session;
}

describe('-L --stats and --rate', () => {
  it('abbreviates large counters', async () => {
    await lists(
      await counting(),
      '-Ln --stats --rate',
      HEAD,
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  192.168.0.1:443              12345678 99999999  100000K  999999K    1000M',
      '  -> 10.1.1.1:443                   99999M     100G     567G   99999G     100T',
    );
  });

  it('shows every digit with --exact', async () => {
    await lists(
      await counting(),
      '-Ln --stats -X',
      HEAD,
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  192.168.0.1:443              12345678 99999999 100000000 999999999 1000000000',
      '  -> 10.1.1.1:443                 99999999999 100000000000 567890123456 99999999999999 ' +
        '100000000000000',
    );
  });

  it('abbreviates only rates of bytes', async () => {
    await lists(
      await counting(),
      '-Ln --rate',
      HEAD,
      'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS',
      '  -> RemoteAddress:Port',
      'TCP  192.168.0.1:443              123456789       17     1000  123456K    2345M',
      '  -> 10.1.1.1:443                        0        0        0        0        0',
    );
  });
});

describe('-L without -n', () => {
  it('shows names of hosts and services, cut where they are too long', async () => {
    const session = await after(
      '-A -t 10.1.0.100:80 -s rr',
      '-a -t 10.1.0.100:80 -r 10.2.0.2:8080 -m',
      '-a -t 10.1.0.100:80 -r 10.5.5.5:80 -m',
      '-A -u 10.1.0.100:53 -s rr',
      '-a -u 10.1.0.100:53 -r 10.2.0.3:80 -m',
      '-A -t 10.5.5.5:80',
      '-A -t [fd00:1::100]:80',
      '-A -f 5',
      '-a -f 5 -r 10.2.0.2:80 -m',
    );
    session.names = SOME_NAMES;
    await lists(
      session,
      '-L',
      HEAD,
      ...TITLES,
      'TCP  vip.example:http rr',
      '  -> web1:http-alt                Masq    1      0          0         ',
      '  -> a-name-much-longer-than-thir Masq    1      0          0         ',
      'TCP  a-name-much-longer-than-thir wlc',
      'UDP  vip.example:domain rr',
      '  -> 10.2.0.3:80                  Masq    1      0          0         ',
      'TCP  [vip6.example]:http wlc',
      'FWM  5 wlc',
      '  -> web1:80                      Masq    1      0          0         ',
    );
  });
});

describe('-L --timeout and --daemon', () => {
  it('show what was set', async () => {
    const session = await after(
      '--set 100 0 20',
      '--start-daemon backup --mcast-interface ext --syncid 7 --mcast-group ff02::1 --mcast-port 99',
      '--start-daemon master --mcast-interface ext --mcast-ttl 3 --sync-maxlen 1000',
    );
    await lists(session, '-L --timeout', 'Timeout (tcp tcpfin udp): 100 120 20');
    await lists(
      session,
      '-L --daemon',
      'master sync daemon (mcast=ext, syncid=0, maxlen=1000, group=224.0.0.81, port=8848, ttl=3)',
      'backup sync daemon (mcast=ext, syncid=7, maxlen=1452, group=ff02::1, port=99, ttl=1)',
    );
    session.director.running = [
      { state: 'master', interface: 'ext', syncId: 1, maxLength: 0, group: '', port: 0, ttl: 0 },
    ];
    await lists(session, '-L --daemon', 'master sync daemon (mcast=ext, syncid=1)');
  });
});

describe('-L -c', () => {
  const connection = {
    protocol: 'TCP',
    family: 'inet',
    clientAddress: '10.0.0.100',
    clientPort: 50_000,
    virtualAddress: '10.1.0.100',
    virtualPort: 80,
    destinationAddress: '10.2.0.2',
    destinationPort: 8080,
    state: 'ESTABLISHED',
    expiresSeconds: 899,
  } as const;
  const titles = [
    'IPVS connection entries',
    'pro expire state       source             virtual            destination',
  ];

  it('shows connections as the director gives them, a batch at a time', async () => {
    const session = new Session();
    session.director.batches = [
      [
        connection,
        {
          ...connection,
          family: 'inet6',
          clientAddress: '2001:db8::64',
          virtualAddress: '2001:db8::1',
          destinationAddress: '2001:db8::a0a0',
          state: 'SYN_RECV',
          expiresSeconds: 59,
        },
      ],
      [
        {
          ...connection,
          protocol: 'IP',
          clientPort: 0,
          virtualAddress: '0.0.0.5',
          virtualPort: 0,
          state: 'NONE',
          expiresSeconds: 7201,
        },
      ],
    ];
    await lists(
      session,
      '-Lnc',
      ...titles,
      'TCP 14:59  ESTABLISHED 10.0.0.100:50000   10.1.0.100:80      10.2.0.2:8080',
      'TCP 00:59  SYN_RECV    [2001:db8::64]:50000 [2001:db8::1]:80   [2001:db8::a0a0]:8080',
      'IP  120:01 NONE        10.0.0.100:0       0.0.0.5:0          10.2.0.2:8080',
    );
    session.names = SOME_NAMES;
    session.director.batches = [[connection, { ...connection, protocol: 'IP' }]];
    await lists(
      session,
      '-Lc',
      ...titles,
      'TCP 14:59  ESTABLISHED 10.0.0.100:50000   vip.example:http   web1:http-alt',
      'IP  14:59  ESTABLISHED 10.0.0.100:50000   vip.example:80     web1:8080',
    );
  });

  it('has columns for a persistence engine with --persistent-conn', async () => {
    await lists(
      new Session(),
      '-Lnc --persistent-conn',
      titles[0],
      `${titles[1]}        pe name          pe_data`,
    );
  });
});
