import assert from 'node:assert/strict';
import { ControlError } from '../../../../src/control/api.js';
import type { TraceFilter } from '../../../../src/control/trace.js';
import { readFilter } from '../../../../src/tools/trace/words.js';
import { ACK, FIN, SYN, TracedDirector, traceRequest } from '../../../support/tracing.js';

/** A connection of client port 4000 to server 12, opened and half closed, and a SYN to a port without a service. */
function traffic(director: TracedDirector): void {
  director.fromClient(SYN); // 1
  director.fromServer(12, SYN | ACK); // 2
  director.fromClient(ACK); // 3
  director.fromServer(12, FIN | ACK); // 4
  director.fromClient(SYN, { source: '10.1.0.7', sourcePort: 5000, destinationPort: 81 }); // 5
  director.fromClient(SYN, { source: '127.0.0.1' }); // 6
}

const CASES: Record<string, number[]> = {
  '': [1, 2, 3, 4, 5, 6],
  'client=10.1.0.2': [1, 2, 3, 4],
  'client=10.1.0.2:4000': [1, 2, 3, 4],
  'client=10.1.0.2:4001': [],
  'client=10.1.0.0/24': [1, 2, 3, 4, 5],
  'client=10.1.0.4/30': [5],
  'client=:5000': [5],
  'client=10.1.0.9,10.1.0.7': [5],
  'vip=10.1.0.100': [1, 2, 3, 4, 5, 6],
  'vip=10.1.0.100:80': [1, 2, 3, 4, 6],
  'vip=:81': [5],
  'vip=0.0.0.0/0': [1, 2, 3, 4, 5, 6],
  'server=10.2.0.12': [1, 2, 3, 4],
  'server=10.2.0.12:8080': [1, 2, 3, 4],
  'server=10.2.0.11': [],
  'server=10.2.0.0/16 client=:4000': [1, 2, 3, 4],
  'state=SYN_RECV': [1, 2, 3],
  'state=established': [3, 4],
  'state=FIN_WAIT,SYN_RECV': [1, 2, 3, 4],
  drop: [6],
  'drop=martian_source': [6],
  'drop=table_full': [],
  'decision=left': [5],
  'decision=left,dropped': [5, 6],
  'decision=sent state=ESTABLISHED vip=:80': [3, 4],
};

describe('a filter', () => {
  for (const [words, expected] of Object.entries(CASES)) {
    it(`'${words}' takes packets ${expected.join(', ') || 'of other traffic'}`, async () => {
      const director = await TracedDirector.create();
      const filter = readFilter(words.split(' ').filter(Boolean));
      director.traces.begin(1, traceRequest());
      director.traces.begin(2, traceRequest(filter));
      traffic(director);
      const all = director.traces.fetch(1).packets.map(({ came }) => came?.bytes);
      const { packets, matched } = director.traces.fetch(2);
      assert.deepEqual(
        packets.map(({ came }) => all.indexOf(came?.bytes) + 1),
        expected,
      );
      assert.equal(matched, expected.length);
    });
  }

  it('takes a packet that was refused for the same reason as one that was dropped', async () => {
    const director = await TracedDirector.create();
    const packets = director.packets(
      () => director.fromClient(SYN, { ttl: 1 }),
      readFilter(['drop=ttl_exceeded']),
    );
    assert.deepEqual(
      packets.map(({ decision, reason }) => [decision, reason]),
      [['answered', 'ttl_exceeded']],
    );
  });

  it('that names what is not there is refused, and says so', async () => {
    const { traces } = await TracedDirector.create();
    const refused = (filter: Partial<TraceFilter>, message: RegExp): void => {
      assert.throws(
        () => traces.begin(1, traceRequest(filter)),
        (error) =>
          error instanceof ControlError && error.errno === 'EINVAL' && message.test(error.message),
      );
    };
    refused({ states: ['OPEN'] }, /no TCP state 'OPEN'/);
    refused({ reasons: ['boredom'] }, /not dropped for 'boredom'/);
  });
});

describe("a filter's words", () => {
  const CASES: [string[], RegExp][] = [
    [['10.1.0.2'], /'10\.1\.0\.2' is no filter; there are client=, vip=/],
    [['clients=10.1.0.2'], /'clients=10\.1\.0\.2' is no filter/],
    [['client'], /'client': client= what\?/],
    [['client='], /'client=': client= what\?/],
    [['client=10.1.0.2,'], /client= what\?/],
    [['client=10.1.0.300'], /'10\.1\.0\.300' must be an IPv4 address such as/],
    [['client=10.1.0.2/33'], /'10\.1\.0\.2\/33' must be/],
    [['client=10.1.0.2:70000'], /'10\.1\.0\.2:70000' must be/],
    [['vip=web'], /'web' must be an IPv4 address/],
    [['server=2001:db8::1'], /must be an IPv4 address/],
    [['state=OPEN'], /no 'OPEN'; TCP states are NONE, ESTABLISHED/],
    [['drop=boredom'], /no 'boredom'; packets are dropped for truncated_ip/],
    [['drop=none'], /there is no 'none'/],
    [['drop=reassembly_failed'], /counted without a packet to show; uvs status/],
    [['decision=gone'], /no 'gone'; decisions are sent, answered/],
    [['client=10.1.0.2', 'client=10.1.0.3'], /client= is there twice; alternatives: client=A,B/],
    [[`client=${Array.from({ length: 65 }, () => '10.1.0.2').join(',')}`], /at most 64/],
  ];
  for (const [words, message] of CASES) {
    it(`are refused: ${words.join(' ').slice(0, 40)}`, () => {
      assert.throws(() => readFilter(words), { name: 'UsageError', message });
    });
  }
});
