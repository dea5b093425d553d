import assert from 'node:assert/strict';
import { DROP_NAMES } from '../../../dataplane/drops.js';
import type { Route } from '../../../dataplane/route/routes.js';
import { buildIcmpError, icmpErrorFrameBytes } from '../../../dataplane/nat/icmp-error.js';
import * as verdict from '../../../dataplane/verdict.js';
import { ipv4ToText } from '../../../src/control/ipv4.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  INNER,
  OUTER,
  ROUTES,
  serviceKey,
  serviceSettings,
  settle,
  testDirector,
  VIP,
} from '../../support/director.js';
import { address, expectedTcpChecksum, tcpFrame, type TcpFrame } from '../../support/frames.js';

const SYN = 0x02;
const ACK = 0x10;
const RST = 0x04;
const REQUEST = { source: '10.1.0.2', sourcePort: 4000, destination: VIP, destinationPort: 80 };
const TO_CLIENT = { destination: '10.1.0.2', destinationPort: 4000 };
const REPLY = { sourcePort: 8080, ...TO_CLIENT };

interface Outcome {
  kind: number;
  value: number;
  /** source:port > destination:port of the frame afterwards. */
  flow: string;
  frame: Uint8Array;
}

function routesWithout(text: string): Route[] {
  return ROUTES.filter((route) => route.address !== address(text) && route.prefixLength !== 0);
}

/** Folded sum of the pseudo-header of a bare segment from 10.1.0.2. */
function pseudoSum(destination: number): number {
  const words = [0x0a01, 0x0002, destination >>> 16, destination & 0xffff, 6, 20];
  const sum = words.reduce((a, b) => a + b, 0);
  return (sum & 0xffff) + (sum >>> 16);
}

describe('the engine', () => {
  let clock: Clock;
  let server: VirtualServer;

  beforeEach(async () => {
    clock = new Clock();
    server = testDirector(clock);
    await server.addService(serviceKey(), serviceSettings());
    for (const host of [11, 12]) {
      await server.addDestination(serviceKey(), destinationKey(host, 8080), destinationSettings());
    }
  });

  function pass(frame: Uint8Array, port: number, offload = 0): Outcome {
    const result = server.engine.process(frame, 0, frame.length, port, offload, clock.ticks);
    const view = new DataView(frame.buffer);
    const end = (at: number, tcp: number): string =>
      `${ipv4ToText(view.getInt32(at))}:${view.getUint16(tcp)}`;
    return {
      kind: verdict.verdictKind(result),
      value: verdict.verdictValue(result),
      flow: `${end(26, 34)} > ${end(30, 36)}`,
      frame,
    };
  }

  function fromClient(options: Partial<TcpFrame>): Outcome {
    return pass(tcpFrame({ ...REQUEST, flags: ACK, ...options }), OUTER);
  }

  function fromServer(host: number, options: Partial<TcpFrame>): Outcome {
    const source = `10.2.0.${host}`;
    return pass(tcpFrame({ ...REPLY, source, flags: ACK, ...options }), INNER);
  }

  function drops(): Record<string, number> {
    const { counts } = server.engine.drops;
    return Object.fromEntries(
      DROP_NAMES.map((name, i) => [name, counts[i]]).filter(([, count]) => count !== 0),
    ) as Record<string, number>;
  }

  async function states(): Promise<string[]> {
    const rows: string[] = [];
    for await (const batch of server.connections()) rows.push(...batch.map((row) => row.state));
    return rows;
  }

  it('masquerades a connection both ways, ports, TTL, checksums and MAC addresses included', () => {
    const request = fromClient({ flags: SYN });
    assert.equal(request.kind, verdict.SEND);
    assert.equal(request.value, INNER);
    assert.equal(request.flow, '10.1.0.2:4000 > 10.2.0.12:8080');
    assert.equal(request.frame[22], 63);
    assert.deepEqual([...request.frame.subarray(0, 6)], [2, 0, 10, 2, 0, 12]);
    assert.deepEqual([...request.frame.subarray(6, 12)], [2, 0, 10, 2, 0, 1]);
    const reply = fromServer(12, { flags: SYN | ACK });
    assert.equal(reply.kind, verdict.SEND);
    assert.equal(reply.value, OUTER);
    assert.equal(reply.flow, `${VIP}:80 > 10.1.0.2:4000`);
    for (const { frame } of [request, reply]) {
      assert.equal(new DataView(frame.buffer).getUint16(50), expectedTcpChecksum(frame));
    }
  });

  it('updates a partial checksum by the addresses alone', () => {
    const frame = tcpFrame({ ...REQUEST, flags: SYN });
    const view = new DataView(frame.buffer);
    view.setUint16(50, pseudoSum(address(VIP)));
    assert.equal(pass(frame, OUTER, 1).kind, verdict.SEND);
    assert.equal(view.getUint16(50), pseudoSum(address('10.2.0.12')));
  });

  it('keeps the VLAN tag of a tagged frame', () => {
    const plain = tcpFrame({ ...REQUEST, flags: SYN });
    const tagged = new Uint8Array(plain.length + 4);
    tagged.set(plain.subarray(0, 12));
    tagged.set([0x81, 0x00, 0x00, 0x2a], 12);
    tagged.set(plain.subarray(12), 16);
    const result = server.engine.process(tagged, 0, tagged.length, OUTER, 0, clock.ticks);
    assert.equal(verdict.verdictKind(result), verdict.SEND);
    assert.deepEqual([...tagged.subarray(12, 18)], [0x81, 0x00, 0x00, 0x2a, 0x08, 0x00]);
    assert.equal(new DataView(tagged.buffer).getInt32(34), address('10.2.0.12'));
  });

  it('gives the kernel what ip_vs leaves to it, and says whether it was hidden', () => {
    assert.equal(fromClient({ flags: ACK }).kind, verdict.KERNEL);
    assert.equal(fromClient({ flags: ACK }).value, 1, 'hidden: no connection on a service port');
    assert.equal(fromClient({ flags: SYN | RST }).value, 1);
    assert.equal(fromClient({ flags: SYN, destinationPort: 22 }).value, 0, 'not hidden: ssh');
    assert.equal(fromServer(11, { flags: SYN }).value, 1, 'hidden: from a server port');
    assert.equal(fromServer(11, { flags: SYN, sourcePort: 50_000 }).value, 0, 'a server as client');
    assert.equal(fromServer(99, { flags: SYN }).value, 0, 'somebody else');
    assert.equal(fromClient({ flags: SYN, sourcePort: 20 }).kind, verdict.KERNEL, 'ftp data');
  });

  it('gives back a server’s answer to a program of this host: a health check', () => {
    const own = { destination: '10.2.0.1', destinationPort: 4711 };
    const answer = fromServer(11, { ...own, flags: SYN | ACK });
    assert.deepEqual([answer.kind, answer.value], [verdict.KERNEL, 1]);
    const other = fromServer(11, { ...own, sourcePort: 22 });
    assert.deepEqual([other.kind, other.value], [verdict.KERNEL, 0]);
  });

  describe('when the VIP is none of the host’s addresses any more', () => {
    beforeEach(() => {
      fromClient({ flags: SYN });
      fromServer(12, { flags: SYN | ACK });
      server.routes.setRoutes(routesWithout(VIP));
    });

    it('goes on with connections, both ways', () => {
      assert.equal(fromClient({}).flow, '10.1.0.2:4000 > 10.2.0.12:8080');
      assert.equal(fromServer(12, {}).flow, `${VIP}:80 > 10.1.0.2:4000`);
    });

    it('has the kernel forward what begins one, and what belongs to none', () => {
      const outcomes = [
        fromClient({ flags: SYN }),
        fromClient({ flags: SYN, sourcePort: 4001 }),
        fromClient({ flags: ACK, sourcePort: 4001 }),
      ];
      for (const { kind, value } of outcomes)
        assert.deepEqual([kind, value], [verdict.KERNEL, 1], 'it was hidden');
      assert.equal(fromClient({ destinationPort: 22 }).value, 0, 'it was not hidden');
      assert.equal(server.state.connections.count, 1);
    });

    it('translates errors about replies', () => {
      const about = tcpFrame({ source: VIP, sourcePort: 80, ...TO_CLIENT, flags: ACK });
      const error = new Uint8Array(icmpErrorFrameBytes(about, 14));
      buildIcmpError(error, 0, about, 14, 3, 4, 1400, address('10.1.0.2'), 1);
      assert.equal(pass(error, OUTER).kind, verdict.SEND);
    });
  });

  it('keeps a server’s packet from the kernel while there is no way to its client', () => {
    fromClient({ flags: SYN });
    server.routes.setRoutes(routesWithout('10.1.0.0'));
    assert.equal(fromServer(12, { flags: SYN | ACK }).kind, verdict.DROP);
    assert.deepEqual(drops(), { no_route: 1 });
    server.routes.setRoutes(ROUTES);
    assert.equal(fromServer(12, { flags: SYN | ACK }).kind, verdict.SEND);
  });

  it('gives back a hidden ICMP error about a connection that is unknown', () => {
    const request = { source: '10.1.0.2', sourcePort: 9, flags: ACK };
    for (const [port, value] of [
      [8080, 1],
      [22, 0],
    ]) {
      const about = tcpFrame({ ...request, destination: '10.2.0.11', destinationPort: port });
      const error = new Uint8Array(icmpErrorFrameBytes(about, 14));
      buildIcmpError(error, 0, about, 14, 3, 1, 0, address('10.2.0.11'), 1);
      const outcome = pass(error, INNER);
      assert.deepEqual([outcome.kind, outcome.value], [verdict.KERNEL, value]);
    }
  });

  it('parks the first frame for a neighbour whose MAC address is not known', () => {
    server.routes.setNeighbour(INNER, address('10.2.0.12'), null);
    const parked = fromClient({ flags: SYN });
    assert.equal(parked.kind, verdict.PARK);
    assert.equal(server.routes.addressOf(parked.value), address('10.2.0.12'));
    assert.equal(parked.flow, '10.1.0.2:4000 > 10.2.0.12:8080', 'rewritten already');
  });

  it('answers with port unreachable where no server is to be had', async () => {
    for (const host of [11, 12]) {
      const settings = destinationSettings({ weight: 0 });
      await server.editDestination(serviceKey(), destinationKey(host, 8080), settings);
    }
    const outcome = fromClient({ flags: SYN });
    assert.equal(outcome.kind, verdict.ANSWER);
    assert.equal(outcome.value, OUTER);
    const { memory, count, length } = server.engine.answers;
    assert.equal(count, 1);
    const view = new DataView(memory.buffer, 0, length[0]);
    assert.equal(view.getInt32(26), address(VIP));
    assert.equal(view.getInt32(30), address('10.1.0.2'));
    assert.deepEqual([memory[34], memory[35]], [3, 3]);
    assert.deepEqual(drops(), { no_destination: 1 });
    assert.equal(server.state.connections.count, 0);
  });

  it('answers what is too big and must not be fragmented, and cuts what may be', () => {
    server.routes.setPort(INNER, { ...server.routes.ports[INNER], mtu: 600 });
    server.routes.setNeighbour(INNER, address('10.2.0.12'), Uint8Array.of(2, 0, 10, 2, 0, 12));
    fromClient({ flags: SYN });
    const payload = new Uint8Array(1000);
    assert.equal(fromClient({ payload, dontFragment: true }).kind, verdict.ANSWER);
    assert.equal(new DataView(server.engine.answers.memory.buffer).getUint16(40), 600);
    assert.deepEqual(drops(), { fragmentation_needed: 1 });
    const cut = fromClient({ payload, dontFragment: false });
    assert.equal(cut.kind, verdict.ANSWER);
    assert.equal(cut.value, INNER);
    assert.equal(server.engine.answers.count, 2);
  });

  it('lets a super-segment pass whose pieces fit', () => {
    fromClient({ flags: SYN });
    const frame = tcpFrame({ ...REQUEST, flags: ACK, payload: new Uint8Array(20_000) });
    assert.equal(pass(frame, OUTER, 1 | (1448 << 16)).kind, verdict.SEND);
    const large = tcpFrame({ ...REQUEST, flags: ACK, payload: new Uint8Array(20_000) });
    assert.equal(pass(large, OUTER, 1 | (8948 << 16)).kind, verdict.ANSWER);
  });

  it('names and counts each drop', async () => {
    const short = tcpFrame({ ...REQUEST, flags: SYN }).subarray(0, 40);
    server.engine.process(short, 0, short.length, OUTER, 0, 0);
    fromClient({ flags: SYN, source: VIP });
    fromClient({ flags: SYN });
    await server.deleteDestination(serviceKey(), destinationKey(12, 8080));
    assert.equal(fromClient({ flags: ACK }).kind, verdict.DROP);
    assert.deepEqual(drops(), { truncated_ip: 1, martian_source: 1, destination_unavailable: 1 });
  });

  it('refuses connections when the table is full, and lets existing ones go on', async () => {
    server = testDirector(clock, { capacity: { connections: 2 } });
    await server.addService(serviceKey(), serviceSettings());
    await server.addDestination(serviceKey(), destinationKey(11, 8080), destinationSettings());
    for (const sourcePort of [1, 2, 3]) fromClient({ flags: SYN, sourcePort });
    assert.deepEqual(drops(), { table_full: 1 });
    assert.equal(fromClient({ flags: ACK, sourcePort: 1 }).kind, verdict.SEND);
    clock.ticks += 100_000;
    settle(server, clock);
    assert.equal(fromClient({ flags: SYN, sourcePort: 3 }).kind, verdict.SEND);
  });

  it('bounds how many connections share one client address and port', async () => {
    await server.addService(
      serviceKey(0),
      serviceSettings({ persistent: true, timeoutSeconds: 60 }),
    );
    const settings = destinationSettings();
    await server.addDestination(serviceKey(0), destinationKey(11, 0), settings);
    for (let destinationPort = 1000; destinationPort < 1300; destinationPort++) {
      fromClient({ flags: SYN, destinationPort });
    }
    assert.deepEqual(drops(), { chain_limit: 300 - 256 });
  });

  it('follows a connection through its states and forgets it', async () => {
    fromClient({ flags: SYN });
    assert.deepEqual(await states(), ['SYN_RECV']);
    fromServer(12, { flags: SYN | ACK });
    fromClient({ flags: ACK });
    assert.deepEqual(await states(), ['ESTABLISHED']);
    fromServer(12, { flags: ACK | 0x01 });
    assert.deepEqual(await states(), ['FIN_WAIT']);
    fromClient({ flags: ACK | 0x01 });
    assert.deepEqual(await states(), ['TIME_WAIT']);
    clock.ticks += 11_900;
    settle(server, clock);
    assert.deepEqual(await states(), ['TIME_WAIT']);
    clock.ticks += 200;
    settle(server, clock);
    assert.deepEqual(await states(), []);
  });
});
