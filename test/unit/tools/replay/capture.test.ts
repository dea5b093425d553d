import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { openCapture } from '../../../../dataplane/driver/capture/open.js';
import { checkHeader, HEADER_OK } from '../../../../dataplane/wire/ipv4.js';
import { run } from '../../../../src/tools/replay/main.js';
import {
  captureFile,
  ETHERNET,
  RAW,
  SLL,
  SLL2,
  temporaryFolder,
  type CapturedPacket,
  type CaptureStyle,
} from '../../driver/capture-files.js';
import { expectedTcpChecksum, tcpFrame, type TcpFrame } from '../../../support/frames.js';

const SYN = 0x02;
const ACK = 0x10;
const FIN = 0x11;
const RST = 0x04;
const CLIENT = '10.1.0.2';
const VIP = '10.1.0.100';
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r 10.2.0.11:8080 -m`,
  `-a -t ${VIP}:80 -r 10.2.0.12:8080 -m`,
].join('\n');

const PCAP: CaptureStyle = {
  format: 'pcap',
  bigEndian: false,
  unitsPerSecond: 1e6,
  linkType: ETHERNET,
};

/** A segment between two of `client`, `vip`, `server1`, `server2`. */
function segment(from: string, to: string, flags: number, more: Partial<TcpFrame> = {}) {
  const ends: Record<string, [string, number]> = {
    client: [CLIENT, 4000],
    vip: [VIP, 80],
    server1: ['10.2.0.11', 8080],
    server2: ['10.2.0.12', 8080],
  };
  const [source, sourcePort] = ends[from];
  const [destination, destinationPort] = ends[to];
  return tcpFrame({ source, sourcePort, destination, destinationPort, flags, ...more });
}

/** A handshake, as it comes to the director and as it leaves. */
const HANDSHAKE: [string, string, number, number][] = [
  ['client', 'vip', SYN, 64],
  ['client', 'server2', SYN, 63],
  ['server2', 'client', SYN | ACK, 64],
  ['vip', 'client', SYN | ACK, 63],
  ['client', 'vip', ACK, 64],
  ['client', 'server2', ACK, 63],
];

function handshake(): Uint8Array[] {
  return HANDSHAKE.map(([from, to, flags, ttl]) => segment(from, to, flags, { ttl }));
}

/** Makes an Ethernet frame a packet of another link layer. */
function onLink(linkType: number, frame: Uint8Array, hardware = 1, kind = 0): Uint8Array {
  const packet = frame.subarray(14);
  if (linkType === RAW) return packet;
  if (linkType === ETHERNET) return frame;
  const address = [6, 2, 0, 0, 0, 0, 9, 0, 0];
  const header =
    linkType === SLL
      ? [0, kind, hardware >> 8, hardware & 0xff, 0, ...address, 0x08, 0x00]
      : [0x08, 0, 0, 0, 0, 0, 0, 3, hardware >> 8, hardware & 0xff, kind, ...address];
  return Uint8Array.from([...header, ...packet]);
}

/** The lines of --explain behind number and time. */
function lines(stdout: string): string[] {
  return stdout
    .split('\n')
    .filter((line) => /^ +\d+ +-?\d+\.\d{6} {2}/.test(line))
    .map((line) => line.replace(/^ +\d+ +-?\d+\.\d+ +/, ''));
}

describe('uvs replay of a capture', () => {
  const folder = temporaryFolder();

  async function replay(
    packets: (Uint8Array | CapturedPacket)[],
    words: string[] = [],
    style = PCAP,
    rules = RULES,
  ) {
    const input = folder.write(
      captureFile(
        style,
        packets.map((packet) => (packet instanceof Uint8Array ? { bytes: packet } : packet)),
      ),
    );
    writeFileSync(folder.path('rules'), rules);
    return replayFile(input, words);
  }

  async function replayFile(input: string, words: string[] = []) {
    const output = { exitCode: 0, stdout: '', stderr: '' };
    const argv = ['--rules', folder.path('rules'), '--pcap', input, ...words];
    output.exitCode = await run(argv, {
      stdout: { write: (text) => (output.stdout += text) },
      stderr: { write: (text) => (output.stderr += text) },
    });
    return output;
  }

  it('says for each packet what came, what was decided and what went out', async () => {
    const incoming = [
      segment('client', 'vip', SYN),
      segment('server2', 'client', SYN | ACK),
      segment('client', 'vip', ACK, { payload: new Uint8Array(5) }),
      segment('client', 'vip', RST, { sourcePort: 4001 }),
      segment('client', 'vip', ACK, { sourcePort: 4001 }),
      segment('client', 'vip', SYN, { destinationPort: 81 }),
      segment('server1', 'client', ACK),
      segment('server1', 'client', ACK, { sourcePort: 22 }),
      segment('client', 'vip', SYN, { source: '127.0.0.1' }),
      segment('client', 'vip', FIN),
    ];
    const { exitCode, stdout } = await replay(incoming, ['--explain']);
    assert.equal(exitCode, 0);
    assert.deepEqual(lines(stdout), [
      '10.1.0.2:4000 > 10.1.0.100:80 S 0: service 10.1.0.100:80 server 10.2.0.12:8080, new, chosen by rr; ' +
        'none -> SYN_RECV; sent 10.1.0.2:4000 > 10.2.0.12:8080 S 0',
      '10.2.0.12:8080 > 10.1.0.2:4000 S. 0: service 10.1.0.100:80 server 10.2.0.12:8080; SYN_RECV; ' +
        'sent 10.1.0.100:80 > 10.1.0.2:4000 S. 0',
      '10.1.0.2:4000 > 10.1.0.100:80 . 5: service 10.1.0.100:80 server 10.2.0.12:8080; ' +
        'SYN_RECV -> ESTABLISHED; sent 10.1.0.2:4000 > 10.2.0.12:8080 . 5',
      '10.1.0.2:4001 > 10.1.0.100:80 R 0: left to the kernel: a reset of no connection',
      '10.1.0.2:4001 > 10.1.0.100:80 . 0: left to the kernel: of no connection, and no SYN',
      '10.1.0.2:4000 > 10.1.0.100:81 S 0: left to the kernel: no service for 10.1.0.100:81',
      "10.2.0.11:8080 > 10.1.0.2:4000 . 0: left to the kernel: a server's packet of no connection",
      '10.2.0.11:22 > 10.1.0.2:4000 . 0: left to the kernel: neither to a virtual address nor from a real server',
      '127.0.0.1:4000 > 10.1.0.100:80 S 0: dropped: martian_source',
      '10.1.0.2:4000 > 10.1.0.100:80 F. 0: service 10.1.0.100:80 server 10.2.0.12:8080; ' +
        'ESTABLISHED -> CLOSE_WAIT; sent 10.1.0.2:4000 > 10.2.0.12:8080 F. 0',
    ]);
  });

  it('sums up packets, servers, reasons and the connections that are left', async () => {
    const packets = [
      segment('client', 'vip', SYN),
      segment('client', 'vip', SYN, { sourcePort: 4001 }),
      segment('client', 'vip', SYN, { sourcePort: 4002 }),
      segment('client', 'vip', ACK, { sourcePort: 4002 }),
      segment('client', 'vip', SYN, { destinationPort: 81 }),
      segment('client', 'vip', SYN, { source: '127.0.0.1' }),
    ];
    const { stdout } = await replay(packets, ['--json']);
    const summary = JSON.parse(stdout);
    assert.equal(summary.packets, 6);
    const others = { answered: 0, held: 0, undecided: 0, own: 0 };
    assert.deepEqual(summary.decisions, { sent: 4, left: 1, dropped: 1, ...others });
    assert.deepEqual(summary.left, { no_service: 1 });
    assert.deepEqual(summary.dropped, { martian_source: 1 });
    assert.deepEqual(summary.connections, { SYN_RECV: 2, ESTABLISHED: 1 });
    const [service] = summary.services;
    assert.deepEqual([service.connections, service.inPackets, service.inBytes], [3, 4, 160]);
    assert.deepEqual(
      service.servers.map(({ server, connections }: Record<string, unknown>) => [
        server,
        connections,
      ]),
      [
        ['10.2.0.12:8080', 2],
        ['10.2.0.11:8080', 1],
      ],
    );
    const text = (await replay(packets)).stdout;
    assert.match(text, /^6 packets in 0\.000 s$/m);
    assert.match(text, /^ +-> 10\.2\.0\.12:8080 +2 +3 +0 +120 +0$/m);
    assert.match(text, /left to the kernel +1 {2}\(no_service 1\)/);
    assert.match(text, /martian_source +1/);
    assert.match(text, /ESTABLISHED +1/);
    assert.doesNotMatch(text, /captured director/);
  });

  it('writes what the director would send to a capture, with the times of the causes', async () => {
    const packets: CapturedPacket[] = [
      { bytes: segment('client', 'vip', SYN), seconds: 1_700_000_000, nanoseconds: 5000 },
      { bytes: segment('client', 'vip', SYN, { destinationPort: 81 }), seconds: 1_700_000_001 },
      { bytes: segment('server2', 'client', SYN | ACK), seconds: 1_700_000_002 },
    ];
    await replay(packets, ['--out', folder.path('out.pcap')]);
    const reader = openCapture(folder.path('out.pcap'));
    const sent: [number, number, string][] = [];
    while (reader.next(false)) {
      const frame = reader.memory.slice(reader.offset, reader.offset + reader.length);
      assert.equal(checkHeader(frame, 14, frame.length - 14), HEADER_OK);
      assert.equal((frame[50] << 8) | frame[51], expectedTcpChecksum(frame));
      sent.push([reader.seconds, reader.nanoseconds, frame.slice(26, 38).join(' ')]);
    }
    reader.close();
    assert.deepEqual(sent, [
      [1_700_000_000, 5000, '10 1 0 2 10 2 0 12 15 160 31 144'],
      [1_700_000_002, 0, '10 1 0 100 10 1 0 2 0 80 15 160'],
    ]);
  });

  it('decides the same about its own output: nothing there is for it', async () => {
    await replay([segment('client', 'vip', SYN)], ['--out', folder.path('out.pcap')]);
    const { exitCode, stdout } = await replayFile(folder.path('out.pcap'), ['--explain']);
    // A SYN to a server with no client's packet in the capture is taken for a director's.
    assert.equal(exitCode, 0);
    assert.match(
      lines(stdout)[0],
      /only what the director made of it was captured;.* as captured$/,
    );
  });

  for (const format of ['pcap', 'pcapng', 'pcapng-simple', 'pcapng-old'] as const) {
    for (const [name, linkType] of Object.entries({ ETHERNET, RAW, SLL, SLL2 })) {
      it(`recognises a director's own packets in ${format} with link layer ${name}`, async () => {
        const packets = handshake().map((frame, i) => onLink(linkType, frame, 1, i % 2 ? 4 : 0));
        const { exitCode, stdout } = await replay(packets, ['--explain'], {
          ...PCAP,
          format,
          linkType,
        });
        assert.equal(exitCode, 0);
        const told = lines(stdout);
        assert.equal(told.length, 6);
        for (const i of [1, 3, 5]) {
          assert.match(told[i], new RegExp(`made of packet ${i} by the captured.*; as captured$`));
        }
        assert.match(stdout, /as captured +3\n/);
        assert.match(stdout, /ESTABLISHED +1\n/);
      });
    }
  }

  it('tells where the captured director did something else', async () => {
    const packets = [
      segment('client', 'vip', SYN),
      segment('client', 'server1', SYN, { ttl: 63 }),
      segment('server2', 'client', SYN | ACK),
      segment('vip', 'client', SYN | ACK, { ttl: 60 }),
    ];
    const { exitCode, stdout } = await replay(packets, ['--explain']);
    assert.equal(exitCode, 1);
    const told = lines(stdout);
    assert.match(
      told[1],
      /differs: to 10\.2\.0\.11:8080 in the capture, to 10\.2\.0\.12:8080 here$/,
    );
    assert.match(told[3], /differs: TTL 60 in the capture, 63 here$/);
    assert.match(stdout, /differs +2\n/);
  });

  it('follows connections of which only the clients’ side was captured', async () => {
    const packets = handshake().filter((_, i) => [0, 3, 4].includes(i));
    const { exitCode, stdout } = await replay(packets, ['--explain']);
    assert.equal(exitCode, 0);
    assert.match(
      lines(stdout)[1],
      /SYN_RECV; sent 10\.1\.0\.100:80 > 10\.1\.0\.2:4000 S\. 0; as captured$/,
    );
    assert.match(stdout, /ESTABLISHED +1\n/);
    assert.match(stdout, /cause not in the capture +1\n/);
    assert.match(stdout, /not in the capture +2\n/);
  });

  it('follows connections of which only the servers’ side was captured', async () => {
    const packets = handshake().filter((_, i) => [1, 2, 5].includes(i));
    const { exitCode, stdout } = await replay(packets);
    assert.equal(exitCode, 0);
    assert.match(stdout, /as captured +2\n/);
    assert.match(stdout, /ESTABLISHED +1\n/);
  });

  it('takes a packet to a server for a client’s only where no clients’ side was captured', async () => {
    const direct = segment('client', 'server1', SYN, { sourcePort: 5000 });
    const { stdout } = await replay([...handshake(), direct], ['--explain']);
    assert.match(lines(stdout)[6], /left to the kernel: neither/);
  });

  it('knows the director’s own addresses by --local', async () => {
    const check = segment('client', 'server1', SYN, { source: '10.2.0.1' });
    const { exitCode, stdout } = await replay([check], ['--explain', '--local', '10.2.0.1']);
    assert.equal(exitCode, 1);
    assert.match(lines(stdout)[0], /sent by the captured host itself/);
  });

  it('passes the loopback interface over, where handed-back packets appear again', async () => {
    const bytes = onLink(SLL2, segment('client', 'vip', SYN), 772);
    const { exitCode, stdout } = await replay([bytes], [], { ...PCAP, linkType: SLL2 });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^0 packets/);
    assert.match(stdout, /passed over +1\n/);
  });

  it('decides about packets that were cut off behind their headers, and says where it can’t', async () => {
    const whole = segment('client', 'vip', SYN, { payload: new Uint8Array(500).fill(7) });
    for (const [captured, expected] of [
      [54, /sent 10\.1\.0\.2:4000 > 10\.2\.0\.12:8080 S 500$/],
      [53, /undecided: the capture cut it off/],
      [33, /undecided: the capture cut it off/],
      [20, /undecided: the capture cut it off/],
    ] as const) {
      const packet = { bytes: whole.slice(0, captured), length: whole.length };
      const { stdout } = await replay([packet], ['--explain', '--out', folder.path('out.pcap')]);
      assert.match(lines(stdout)[0], expected);
    }
    await replay(
      [{ bytes: whole.slice(0, 54), length: whole.length }],
      ['--out', folder.path('out.pcap')],
    );
    const reader = openCapture(folder.path('out.pcap'));
    assert.ok(reader.next(false));
    assert.deepEqual([reader.length, reader.originalLength], [54, whole.length]);
    reader.close();
  });

  it('understands checksums that offload had left unfinished', async () => {
    const frames = handshake().slice(0, 2);
    for (const frame of frames) {
      const length = frame.length - 34;
      let sum = 6 + length;
      for (let i = 26; i < 34; i += 2) sum += (frame[i] << 8) | frame[i + 1];
      const folded = (sum & 0xffff) + (sum >>> 16);
      frame[50] = folded >>> 8;
      frame[51] = folded;
    }
    const { exitCode, stdout } = await replay(frames);
    assert.equal(exitCode, 0);
    assert.match(stdout, /as captured +1\n/);
  });

  it('has time pass as the packets’ times say, and never back', async () => {
    const open = segment('client', 'vip', SYN);
    const late = segment('client', 'vip', ACK);
    const at = async (...seconds: number[]) => {
      const packets = [open, late, late].map((bytes, i) => ({ bytes, seconds: seconds[i] }));
      return JSON.parse((await replay(packets, ['--json'])).stdout);
    };
    // A connection in SYN_RECV lives for 60 seconds.
    assert.equal((await at(1000, 1059, 1059)).decisions.sent, 3);
    assert.equal((await at(1000, 1061, 1061)).decisions.sent, 1);
    assert.equal((await at(1000, 1061, 1001)).decisions.sent, 1);
    // However long a pause is: the connection of 15 minutes is gone after a century.
    const century = await at(1000, 1001, 3_000_000_000);
    assert.deepEqual([century.decisions.sent, century.left], [2, { no_connection: 1 }]);
  });

  it('prints one JSON object a line with --json --explain', async () => {
    const { stdout } = await replay(handshake(), ['--json', '--explain']);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(objects.length, 7);
    assert.deepEqual(
      objects.slice(0, 6).map(({ decision, agreement }) => [decision, agreement]),
      [
        ['sent', null],
        ['own', 'same'],
        ['sent', null],
        ['own', 'same'],
        ['sent', null],
        ['own', 'same'],
      ],
    );
    assert.equal(objects[0].connection.after, 'SYN_RECV');
    assert.equal(objects[6].packets, 6);
  });

  it('says 1 where the rules concern no packet', async () => {
    const { exitCode } = await replay([segment('client', 'vip', SYN, { destinationPort: 81 })]);
    assert.equal(exitCode, 1);
  });

  it('refuses wrong rules, files and words with what is wrong', async () => {
    const syn = [segment('client', 'vip', SYN)];
    const wrong = await replay(syn, [], PCAP, `${RULES}\n-a -t ${VIP}:80 -r nonsense`);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /rules:4: /);
    for (const [words, problem] of [
      [['--local', 'here'], /--local: 'here' is no IPv4 address/],
      [['--set', 'x=1'], /--set: unknown setting x/],
      [['--set', 'sloppy_tcp'], /--set: 'sloppy_tcp' is not NAME=VALUE/],
      [['--out', folder.path('in.pcap')], /is the same file as/],
      [['--out', folder.path('rules')], /is the same file as/],
      [['--out', folder.path('no/such/folder')], /ENOENT/],
      [['--all'], /for scenarios/],
      [['scenario.json'], /no scenarios are played/],
    ] as const) {
      const { exitCode, stderr } = await replay(syn, [...words]);
      assert.equal(exitCode, 2, words.join(' '));
      assert.match(stderr, problem);
    }
    assert.equal((await replayFile(folder.path('missing'))).exitCode, 2);
    writeFileSync(folder.path('text'), 'this is no capture');
    const text = await replayFile(folder.path('text'));
    assert.match(text.stderr, /neither a pcap nor a pcapng file/);
  });

  it('takes settings', async () => {
    const { stdout } = await replay([segment('client', 'vip', ACK)], ['--set', 'sloppy_tcp=1']);
    assert.match(stdout, /sent +1\n/);
  });

  it('sums up what it has read of a capture that is cut off, and says so', async () => {
    const file = captureFile(PCAP, [
      { bytes: segment('client', 'vip', SYN) },
      { bytes: segment('client', 'vip', ACK) },
    ]);
    writeFileSync(folder.path('rules'), RULES);
    const { exitCode, stdout, stderr } = await replayFile(folder.write(file.subarray(0, -10)));
    assert.equal(exitCode, 2);
    assert.match(stdout, /sent +1\n/);
    assert.match(stderr, /a record is cut off/);
  });
});
