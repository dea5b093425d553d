import assert from 'node:assert/strict';
import { multiplicativeHash, sipHash13 } from '../../../scheduler/hash.js';
import { ipv4, serviceWith, VIP, type FakeService } from './fake-destinations.js';

const FALLBACK = 8;
const PORT = 16;
const K1 = 2654435761;
const K2 = 2654446892;

/** How many of 4000 clients each destination gets. */
function spread(service: FakeService): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let client = 0; client < 4000; client++) {
    const name = service.pick(`10.7.${client >> 8}.${client & 255}`);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('hash functions', () => {
  it('multiplicativeHash agrees with the reference vectors', () => {
    assert.equal(multiplicativeHash(ipv4('10.0.0.100'), 8), 248);
    assert.equal(multiplicativeHash(ipv4('10.0.0.101'), 8), 90);
    assert.equal(multiplicativeHash(ipv4('192.0.2.1'), 8), 50);
    assert.equal(multiplicativeHash(ipv4('192.0.2.1') + 50000, 8), 127);
  });

  it('sipHash13 agrees with the reference vectors', () => {
    assert.equal(sipHash13(0, K1), 0x1d5a77c2);
    assert.equal(sipHash13(1, K1), 0x16ec66b2);
    assert.equal(sipHash13(0, K2), 0xf882433f);
    assert.equal(sipHash13(ipv4('10.0.0.100'), K1) % 4093, 2632);
    assert.equal(sipHash13(ipv4('192.0.2.1'), K1) % 4093, 2891);
    assert.equal(sipHash13(ipv4('192.168.1.10') + 80, K1) % 4093, 2186);
    assert.equal((sipHash13(ipv4('192.168.1.10') + 80, K2) % 4092) + 1, 43);
  });
});

describe('sh', () => {
  // Buckets of list C:1 B:2 A:3 are C B B A A A C B B A A A ...
  it('shares 256 buckets out by weight', () => {
    const service = serviceWith('sh', 'A:3', 'B:2', 'C:1');
    assert.equal(service.pick('10.0.0.100'), 'B'); // 248 = 41 * 6 + 2
    assert.equal(service.pick('10.0.0.101'), 'C'); // 90 = 15 * 6
    assert.equal(service.pick('192.0.2.1'), 'B'); // 50 = 8 * 6 + 2
  });

  it('hashes the port too with sh-port', () => {
    const service = serviceWith('sh', 'A:3', 'B:2', 'C:1');
    assert.equal(service.pick('10.0.0.100', 50000), 'B');
    service.flags = PORT;
    assert.equal(service.pick('10.0.0.100', 50000), 'A'); // 69 = 11 * 6 + 3
    assert.equal(service.pick('10.0.0.101', 50000), 'A'); // 167 = 27 * 6 + 5
    assert.equal(service.pick('192.0.2.1', 50000), 'B'); // 127 = 21 * 6 + 1
  });

  it('gives a quiesced destination one bucket a lap and picks nobody there', () => {
    const service = serviceWith('sh', 'A:1', 'B:1');
    assert.equal(service.pick('10.0.0.100'), 'B'); // 248 is even
    service.setWeight('B', 0);
    assert.equal(service.pick('10.0.0.100'), '-');
  });

  it('with sh-fallback hashes on to one that can take the client', () => {
    const service = serviceWith('sh', 'A:1', 'B:1', 'C:1');
    service.flags = FALLBACK;
    assert.equal(service.pick('192.0.2.1'), 'A'); // 50 of C B A C B A ...
    service.row('A').overloaded = true;
    assert.equal(service.pick('192.0.2.1'), 'B'); // 50 + 50
    service.row('B').overloaded = true;
    assert.equal(service.pick('192.0.2.1'), 'C'); // 50 + 52, behind two buckets of A and B
    service.row('C').overloaded = true;
    assert.equal(service.pick('192.0.2.1'), '-');
  });

  it('follows additions, edits and removals', () => {
    const service = serviceWith('sh', 'A:1');
    assert.deepEqual(spread(service), { A: 4000 });
    service.add('B:1');
    assert.ok(spread(service).B > 1500);
    service.setWeight('B', 7);
    assert.ok(spread(service).B > 3000);
    service.remove('B');
    assert.deepEqual(spread(service), { A: 4000 });
    service.remove('A');
    assert.deepEqual(spread(service), { '-': 4000 });
  });
});

describe('dh', () => {
  it('chooses by the address the client wants, whatever the weights', () => {
    const service = serviceWith('dh', 'A:9', 'B:1');
    // Buckets alternate B A B A ...
    assert.equal(service.pick('10.0.0.1', 0, ipv4('10.0.0.100')), 'B'); // 248
    assert.equal(service.pick('10.0.0.2', 0, ipv4('10.0.0.100')), 'B');
    const bucket = multiplicativeHash(VIP, 8);
    assert.equal(service.pick(), bucket % 2 === 0 ? 'B' : 'A');
  });

  it('picks nobody where the destination cannot take a connection', () => {
    const service = serviceWith('dh', 'A:1');
    service.setWeight('A', 0);
    assert.equal(service.pick(), '-');
    service.setWeight('A', 1);
    service.row('A').overloaded = true;
    assert.equal(service.pick(), '-');
  });

  it('follows additions and removals', () => {
    const service = serviceWith('dh', 'A:1');
    service.add('B:1');
    service.remove('A');
    assert.equal(service.pick(), 'B');
    service.remove('B');
    assert.equal(service.pick(), '-');
  });
});

describe('mh', () => {
  it('agrees with the reference vectors, equal weights', () => {
    const service = serviceWith('mh', 'A:1', 'B:1', 'C:1');
    assert.equal(service.pick('10.0.0.100'), 'C');
    assert.equal(service.pick('10.0.0.101'), 'B');
    assert.equal(service.pick('192.0.2.1'), 'B');
  });

  it('agrees with the reference vectors, weights 3 2 1', () => {
    const service = serviceWith('mh', 'A:3', 'B:2', 'C:1');
    for (const client of ['10.0.0.100', '10.0.0.101', '192.0.2.1']) {
      assert.equal(service.pick(client), 'B');
    }
    const { A, B, C } = spread(service);
    assert.ok(A > B && B > C && C > 400, `${A} ${B} ${C}`);
  });

  it('hashes the port too with mh-port', () => {
    const service = serviceWith('mh', 'A:1', 'B:1', 'C:1');
    const names = () => new Set([1, 2, 3, 4, 5, 6, 7, 8].map((p) => service.pick('10.0.0.100', p)));
    assert.equal(names().size, 1);
    service.flags = PORT;
    assert.ok(names().size > 1);
  });

  it('moves nobody else when a destination is quiesced', () => {
    const service = serviceWith('mh', 'A:1', 'B:1', 'C:1');
    const before = spread(service);
    service.setWeight('B', 0);
    assert.deepEqual(spread(service), { A: before.A, '-': before.B, C: before.C });
  });

  it('gives the slots to those added first where there are more destinations than slots', () => {
    const names = Array.from({ length: 4093 }, (_, i) => `S${i}:1`);
    const service = serviceWith('mh', ...names);
    const before = spread(service);
    service.add('late:1');
    assert.deepEqual(spread(service), before);
  });

  it('gives no slots to a destination added with weight 0', () => {
    const service = serviceWith('mh', 'A:1', 'B:0');
    assert.deepEqual(spread(service), { A: 4000 });
    const idle = serviceWith('mh', 'A:0');
    assert.equal(idle.pick(), '-');
  });

  it('with mh-fallback hashes on, beginning with the slot number as the offset', () => {
    const service = serviceWith('mh', 'A:1', 'B:1', 'C:1');
    service.flags = FALLBACK;
    const owners: string[] = [];
    for (let client = 0; client < 100_000; client++) {
      owners[sipHash13(client, K1) % 4093] ??= service.pick(
        `0.${client >> 16}.${(client >> 8) & 255}.${client & 255}`,
      );
    }
    for (const client of ['10.0.0.100', '10.0.0.101', '192.0.2.1', '192.0.2.2']) {
      const own = sipHash13(ipv4(client), K1) % 4093;
      for (const row of service.rows) row.overloaded = row.name === owners[own];
      let offset = own;
      const tried = () => owners[sipHash13((ipv4(client) + offset) | 0, K1) % 4093];
      while (service.row(tried()).overloaded) offset = (offset + 1) % 4093;
      assert.equal(service.pick(client), tried());
    }
    for (const row of service.rows) row.overloaded = true;
    assert.equal(service.pick('10.0.0.100'), '-');
  });

  it('scales heavy weights down', () => {
    const service = serviceWith('mh', 'A:1000000', 'B:1');
    const { A, B } = spread(service);
    assert.ok(A > 40 * B && B > 0, `${A} ${B}`);
  });
});
