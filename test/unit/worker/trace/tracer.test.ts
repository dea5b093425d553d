import assert from 'node:assert/strict';
import { write16 } from '../../../../dataplane/wire/bytes.js';
import { tcpPseudoSum } from '../../../../dataplane/wire/checksum.js';
import { buildIcmpError } from '../../../../dataplane/nat/icmp-error.js';
import { ICMP_HEADER_BYTES } from '../../../../dataplane/wire/icmp.js';
import { lineOf } from '../../../../src/tools/trace/line.js';
import type { TracedPacket } from '../../../../src/control/trace.js';
import {
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  serviceKey,
  VIP,
} from '../../../support/director.js';
import {
  address,
  ETHERNET,
  expectedTcpChecksum,
  IP,
  TCP,
  tcpFrame,
} from '../../../support/frames.js';
import {
  ACK,
  CLIENT,
  FIN,
  RST,
  SYN,
  TracedDirector,
  traceRequest,
} from '../../../support/tracing.js';

/** What a server's host says about a packet that nobody listens for there. */
function portUnreachable(host: string, about: Uint8Array): Uint8Array {
  const quoted = about.length - ETHERNET;
  const frame = new Uint8Array(ETHERNET + IP + ICMP_HEADER_BYTES + quoted);
  buildIcmpError(frame, 0, about, ETHERNET, 3, 3, 0, address(host), 1);
  return frame;
}

/** Without the time. */
function lines(packets: readonly TracedPacket[]): string[] {
  return packets.map((packet) => lineOf(packet).replace(/^\d\d:\d\d:\d\d\.\d\d\d /, ''));
}

function bytesOf(frame: { bytes: string }): Buffer {
  return Buffer.from(frame.bytes, 'base64');
}

describe('a trace', () => {
  let director: TracedDirector;
  beforeEach(async () => (director = await TracedDirector.create()));

  it('tells what came, what was decided and why, and what went out', () => {
    const packets = director.packets(() => {
      director.fromClient(SYN);
      director.fromServer(12, SYN | ACK);
      director.fromClient(ACK, { payload: new Uint8Array(10) });
      director.fromServer(12, FIN | ACK);
    });
    assert.deepEqual(lines(packets), [
      'outer 10.1.0.2:4000 > 10.1.0.100:80 S 0 -> 10.2.0.12:8080 inner  new connection, rr: SYN_RECV',
      'inner 10.2.0.12:8080 > 10.1.0.2:4000 S. 0 -> from 10.1.0.100:80 outer  SYN_RECV',
      'outer 10.1.0.2:4000 > 10.1.0.100:80 . 10 -> 10.2.0.12:8080 inner  SYN_RECV -> ESTABLISHED',
      'inner 10.2.0.12:8080 > 10.1.0.2:4000 F. 0 -> from 10.1.0.100:80 outer  ESTABLISHED -> FIN_WAIT',
    ]);
    assert.deepEqual(packets[2].connection, {
      client: '10.1.0.2:4000',
      virtual: '10.1.0.100:80',
      server: '10.2.0.12:8080',
      service: '10.1.0.100:80',
      chosenBy: null,
      before: 'SYN_RECV',
      after: 'ESTABLISHED',
    });
    assert.deepEqual(
      packets.map(({ number, atMs }) => [number, atMs]),
      [1, 2, 3, 4].map((number) => [number, director.nowMs]),
    );
  });

  it('has both sides, each with its checksum right', () => {
    const [{ came, sent }] = director.packets(() => director.fromClient(SYN));
    assert.ok(came !== null);
    for (const frame of [came, ...sent]) {
      const bytes = bytesOf(frame);
      assert.equal(frame.lengthBytes, bytes.length);
      assert.equal(bytes.readUInt16BE(ETHERNET + IP + 16), expectedTcpChecksum(bytes));
    }
    assert.equal(bytesOf(came).readInt32BE(ETHERNET + 16), address(VIP));
    assert.equal(bytesOf(sent[0]).readInt32BE(ETHERNET + 16), address('10.2.0.12'));
    assert.equal(bytesOf(sent[0])[ETHERNET + 8], 63);
  });

  it('fills in the checksum that is left to a network card, where it has the whole frame', () => {
    const ends = { source: CLIENT, sourcePort: 4000, destination: VIP, destinationPort: 80 };
    const frame = tcpFrame({ ...ends, flags: SYN, payload: Buffer.from('payload') });
    const pseudo = tcpPseudoSum(address(CLIENT), address(VIP), TCP + 7);
    write16(frame, ETHERNET + IP + 16, pseudo);
    const [{ came, sent }] = director.packets(() => director.receive(OUTER, frame, 1));
    for (const side of [came, ...sent]) {
      const bytes = bytesOf(side as { bytes: string });
      assert.equal(bytes.readUInt16BE(ETHERNET + IP + 16), expectedTcpChecksum(bytes));
    }
    // What leaves is left to the card as ever.
    const [{ bytes }] = director.driver.takeSent();
    assert.notEqual(
      Buffer.from(bytes).readUInt16BE(ETHERNET + IP + 16),
      expectedTcpChecksum(bytes),
    );
  });

  it('says that a persistence template chose the server, and who chose for the template', async () => {
    director = await TracedDirector.create({ persistent: true, timeoutSeconds: 60 });
    const packets = director.packets(() => {
      director.fromClient(SYN);
      director.fromClient(SYN, { sourcePort: 4001 });
    });
    assert.deepEqual(
      packets.map(({ connection }) => connection?.chosenBy),
      ['rr', 'template'],
    );
    assert.match(lines(packets)[1], / {2}new connection, persistence template: SYN_RECV$/);
  });

  it('sees a new connection where a port is used again', () => {
    director.fromClient(SYN);
    director.fromServer(12, RST);
    const [packet] = director.packets(() => director.fromClient(SYN));
    assert.equal(packet.connection?.chosenBy, 'rr');
    assert.equal(packet.connection.before, null);
  });

  it('names the reason of a drop', async () => {
    director.fromClient(SYN);
    director.fromServer(12, SYN | ACK);
    await director.server.deleteDestination(serviceKey(), destinationKey(12, 8080));
    const packets = director.packets(() => {
      director.fromClient(ACK);
      director.fromClient(SYN, { source: '127.0.0.5' });
    });
    assert.deepEqual(lines(packets), [
      'outer 10.1.0.2:4000 > 10.1.0.100:80 . 0  dropped: destination_unavailable; connection to 10.2.0.12:8080, SYN_RECV',
      'outer 127.0.0.5:4000 > 10.1.0.100:80 S 0  dropped: martian_source',
    ]);
  });

  it('shows the ICMP error that a packet was refused with, and why', async () => {
    for (const host of [11, 12]) {
      const settings = destinationSettings({ weight: 0 });
      await director.server.editDestination(serviceKey(), destinationKey(host, 8080), settings);
    }
    const packets = director.packets(() => director.fromClient(SYN));
    const [{ decision, reason, sent }] = packets;
    assert.deepEqual([decision, reason, sent.length], ['answered', 'no_destination', 1]);
    assert.match(
      lines(packets)[0],
      / {2}refused: no_destination, 10\.1\.0\.100 > 10\.1\.0\.2 ICMP error 3\/3$/,
    );
  });

  it('says what is left to the kernel, and why', () => {
    const packets = director.packets(() => {
      director.fromClient(ACK);
      director.fromClient(SYN, { destinationPort: 22 });
      director.fromServer(11, ACK, { sourcePort: 22 });
    });
    assert.deepEqual(
      lines(packets).map((line) => line.split('  ')[1]),
      [
        'left to the kernel: of no connection, and no SYN',
        'left to the kernel: no service for 10.1.0.100:22',
        'left to the kernel: neither to a virtual address nor from a real server',
      ],
    );
    assert.ok(packets.every(({ sent }) => sent.length === 0));
  });

  it('follows a frame that waits for a MAC address to its end', () => {
    const { server, loop } = director;
    const { routes } = server.state;
    for (const host of [11, 12]) routes.setNeighbour(INNER, address(`10.2.0.${host}`), null);
    const packets = director.packets(() => {
      director.fromClient(SYN);
      director.fromClient(SYN, { sourcePort: 4001 });
      const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
      loop.parking.hopResolved(routes.setNeighbour(INNER, address('10.2.0.12'), mac));
      loop.parking.advance(director.clock.ticks + 300);
    });
    assert.deepEqual(lines(packets), [
      'outer 10.1.0.2:4000 > 10.1.0.100:80 S 0  waits for MAC of 10.2.0.12; new connection to 10.2.0.12:8080, rr: SYN_RECV',
      'outer 10.1.0.2:4001 > 10.1.0.100:80 S 0  waits for MAC of 10.2.0.11; new connection to 10.2.0.11:8080, rr: SYN_RECV',
      '10.1.0.2:4000 > 10.2.0.12:8080 S 0 inner  sent, had waited for MAC; SYN_RECV',
      '10.1.0.2:4001 - 10.2.0.11:8080  had waited for MAC, dropped: neighbour_timeout; connection to 10.2.0.11:8080, SYN_RECV',
    ]);
  });

  it('finds the connection that an ICMP error is about', () => {
    director.fromClient(SYN);
    const [{ sent }] = director.packets(() => director.fromClient(ACK));
    const packets = director.packets(() => {
      director.receive(INNER, portUnreachable('10.2.0.12', bytesOf(sent[0])));
    });
    const [line] = lines(packets);
    assert.match(line, /^inner 10\.2\.0\.12 > 10\.1\.0\.2 ICMP error 3\/3 -> /);
    assert.equal(packets[0].connection?.server, '10.2.0.12:8080');
    assert.equal(packets[0].decision, 'sent');
  });

  it('cuts frames where it is asked to', () => {
    director.fromClient(SYN);
    const { packets } = director.report(traceRequest({}, { frameBytesMax: 128 }), () =>
      director.fromClient(ACK, { payload: new Uint8Array(1000) }),
    );
    const [{ came, sent }] = packets;
    assert.deepEqual(
      [came?.lengthBytes, bytesOf(sent[0]).length],
      [ETHERNET + IP + TCP + 1000, 128],
    );
    assert.match(lines(packets)[0], /80 \. 1000 -> 10\.2\.0\.12:8080/);
  });
});
