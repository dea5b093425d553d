import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseScaleOptions } from '../../../bench/scale/options.js';
import { METRICS, parseScaleResults, type ScaleResults } from '../../../bench/scale/results.js';
import { scaleTable } from '../../../bench/scale/table.js';

function parse(line: string) {
  const options = parseScaleOptions(line.split(' ').filter(Boolean));
  assert.ok(options !== null);
  return options;
}

describe('options of bench:scale', () => {
  it('has sizes of its own for --quick and for the emulated machine', () => {
    assert.equal(Math.max(...parse('').sizes), 4_000_000);
    assert.equal(Math.max(...parse('--quick').sizes), 1_000_000);
    assert.equal(Math.max(...parse('--emulate --quick').sizes), 100_000);
  });

  it('takes sizes in any order, each once', () => {
    assert.deepEqual(parse('--sizes 1000,20,1000').sizes, [20, 1000]);
  });

  it('knows whether peers were named, and names both kinds by their beginning', () => {
    assert.equal(parse('').peersNamed, false);
    const { peers, peersNamed } = parse('--peers ip_vs,routing');
    assert.equal(peersNamed, true);
    assert.deepEqual(
      peers.map((peer) => peer.id),
      ['routing', 'ip_vs-default', 'ip_vs-large'],
    );
  });

  it('passes on to the emulated machine what counts there, with its sizes', () => {
    const { words } = parse('--emulate --clock host --rounds 2 --json FILE --sizes 30');
    assert.deepEqual(words, ['--sizes', '30', '--rounds', '2']);
    assert.deepEqual(parse(words.join(' ')).sizes, [30]);
  });

  it('says which words make no sense', () => {
    assert.throws(() => parse('--sizes 0'), /--sizes must be whole numbers from 1 to .* not '0'/);
    assert.throws(() => parse('--sizes ,'), /--sizes must be whole numbers/);
    assert.throws(() => parse('--table-bits 21'), /--table-bits must be .* from 8 to 20/);
    assert.throws(() => parse('--clock sun'), /--clock must be instructions or host/);
    assert.throws(() => parse('--peers nobody'), /there is no peer 'nobody'/);
    assert.throws(() => parse('--fast'), /see npm run bench:scale -- --help/);
  });
});

const RESULTS: ScaleResults = {
  format: 1,
  date: '2030-01-01T00:00:00.000Z',
  command: 'npm run bench:scale',
  machine: {
    processor: 'Abacus',
    processors: 2,
    memoryMb: 1024,
    kernel: '6.1',
    congestionControl: 'cubic',
    node: 'v20',
    tools: {},
  },
  settings: { sizes: [1000, 2_000_000], rounds: 3, seconds: 1, placement: null },
  peers: [
    { id: 'a', title: 'Alpha', version: '1', settings: '' },
    { id: 'b', title: 'Beta', version: '1', settings: '' },
  ],
  samples: [
    ...[2, 4, 3].map((value, i) => ({
      metric: 'packetCost' as const,
      peer: 'a',
      size: 1000,
      round: i + 1,
      value,
    })),
    { metric: 'packetCost', peer: 'b', size: 2_000_000, round: 1, value: 7 },
  ],
};

describe('results of bench:scale', () => {
  it('are shown as medians with half of their range, peers below one another', () => {
    const text = scaleTable(RESULTS);
    assert.match(text, /a packet, clients to server, µs of processor time/);
    assert.match(text, /^ +1 000 +2 000 000$/m);
    assert.match(text, /^ +Alpha +3\.00 +±33 % +-$/m);
    assert.match(text, /^ +Beta +- +7\.00$/m);
    assert.doesNotMatch(text, new RegExp(METRICS.list.title));
  });

  it('are read back as they are, and refused where they are something else', () => {
    assert.deepEqual(parseScaleResults(structuredClone(RESULTS), 'file'), RESULTS);
    const other = { ...RESULTS, samples: [{ ...RESULTS.samples[0], metric: 'weight' }] };
    assert.throws(() => parseScaleResults(other, 'file'), /file holds no results/);
  });
});
