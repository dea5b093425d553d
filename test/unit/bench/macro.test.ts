import assert from 'node:assert/strict';
import { histogramOf, percentileOf, together } from '../../../bench/macro/histogram.js';
import { parseOptions } from '../../../bench/macro/options.js';
import {
  buildFrame,
  setNumber,
  sumWithoutNumber,
  TCP,
} from '../../../bench/macro/programs/segment.js';
import { ranks } from '../../../bench/macro/ranking.js';
import {
  parseResults,
  readResults,
  type Results,
  type Sample,
} from '../../../bench/macro/results.js';
import { percentile, spreadOf } from '../../../bench/macro/statistics.js';
import { summarize } from '../../../bench/macro/summary.js';
import { resultsTable } from '../../../bench/macro/table.js';
import { address, expectedTcpChecksum } from '../../support/frames.js';

const TWO = 2;

function sample(peer: string, round: number, rate: number, cpuMs: number | null): Sample {
  const cpu = cpuMs === null ? null : { userMs: cpuMs / 2, systemMs: cpuMs / 2 };
  return {
    axis: 'requests',
    peer,
    round,
    values: { rate },
    details: {},
    work: 1000,
    cpu,
    others: 0,
    shares: { user: 0, system: 0, interrupt: 0, idle: 1 },
  };
}

function results(samples: Sample[]): Results {
  const peer = { version: '', settings: '', memory: null };
  return {
    format: 1,
    date: '',
    command: '',
    machine: {
      processor: 'P',
      processors: 2,
      memoryMb: 1,
      kernel: '6',
      congestionControl: 'bbr',
      node: 'v20',
      tools: {},
    },
    settings: { rounds: 3, seconds: 1, connections: 50, placement: null },
    peers: [
      { id: 'routing', title: 'plain routing', ...peer },
      { id: 'haproxy', title: 'HAProxy', ...peer },
    ],
    axes: [
      {
        id: 'requests',
        title: 'requests',
        metrics: [{ key: 'rate', unit: 'requests/s', better: 'more', digits: 0 }],
        work: { unit: 'request', timeUnit: 'µs' },
      },
    ],
    samples,
  };
}

describe('results of the side-by-side benchmark', () => {
  it('have a median that an outlier does not move, and its range', () => {
    assert.deepEqual(spreadOf([3, 1, 900]), { median: 3, min: 1, max: 900 });
    assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  });

  it('have a median of each condition where these alternate, and their mean', () => {
    assert.equal(spreadOf([10, 100, 12, 102, 11, 700], 2).median, (11 + 102) / 2);
    assert.equal(spreadOf([10], 2).median, 10);
  });

  it('have percentiles by the nearest rank', () => {
    const sorted = Float64Array.from({ length: 1000 }, (_, index) => index + 1);
    assert.deepEqual(
      [50, 99, 99.9, 100].map((percent) => percentile(sorted, percent)),
      [500, 990, 999, 1000],
    );
    assert.equal(percentile([7], 50), 7);
  });

  it('compare a peer with the sample of the other in the same round', () => {
    // The machine becomes slower from round to round; what is compared stays the half.
    const samples = [1, 2, 3].flatMap((round) => [
      sample('routing', round, 1000 / round, null),
      sample('haproxy', round, 500 / round, 20),
    ]);
    const [{ rows }] = summarize(results(samples), 'routing', 'haproxy');
    assert.deepEqual(rows[1].toLimit, { median: 0.5, min: 0.5, max: 0.5 });
    assert.deepEqual(rows[0].toRival, { median: 2, min: 2, max: 2 });
  });

  it('have a median of each place of the director, but where that is always the same', () => {
    const samples = [10, 100, 12, 102, 11, 700].map((rate, index) =>
      sample('routing', index + 1, rate, null),
    );
    const { axes, settings, ...rest } = results(samples);
    const placement = { client: '0', server: '1', director: ['1', '0'] };
    const medianWith = (apart: boolean) => {
      const placed = { ...rest, settings: { ...settings, placement } };
      const [{ rows }] = summarize({ ...placed, axes: [{ ...axes[0], apart }] }, 'routing', '');
      return rows[0].values.get('rate')?.median;
    };
    assert.deepEqual([medianWith(false), medianWith(true)], [(11 + 102) / 2, (12 + 100) / 2]);
  });

  it("divide the director's processor time by what was moved", () => {
    const samples = [sample('routing', 1, 1, null), sample('haproxy', 1, 1, 20)];
    const [{ rows }] = summarize(results(samples), 'routing', 'haproxy');
    assert.equal(rows[0].cpuTime, null);
    assert.equal(rows[1].cpuTime?.median, 20);
  });

  it('are compared with ip_vs where it was measured, and with nobody who was not', () => {
    const all = results([sample('routing', 1, 8, null), sample('haproxy', 1, 4, 20)]);
    const kernel = { ...all.peers[1], id: 'ip_vs', title: 'ip_vs' };
    const header = (peers: Results['peers']) =>
      resultsTable({ ...all, peers })
        .split('\n')
        .find((line) => line.includes('of routing'));
    assert.match(header([...all.peers, kernel]) ?? '', /of routing +of ip_vs +µs/);
    assert.match(header([all.peers[0]]) ?? '', /of routing +µs/);
  });

  it('rank those as level that take turns at being first, or hardly differ', () => {
    const rates: Record<string, number[]> = {
      routing: [100, 110, 90, 100, 105, 95],
      turns: [60, 40, 60, 40, 60, 40],
      other: [50, 50, 50, 50, 50, 50],
      same: [50.1, 50.1, 50.1, 50.1, 50.1, 50.1],
      last: [30, 31, 30, 31, 30, 31],
    };
    const peers = Object.keys(rates);
    const samples = peers.flatMap((peer) =>
      rates[peer].map((rate, index) => sample(peer, index + 1, rate, null)),
    );
    const metric = { key: 'rate', unit: '', better: 'more', digits: 0 } as const;
    assert.deepEqual(
      ranks(samples, peers, metric).map(({ best, worst }) => [best, worst]),
      [
        [1, 1],
        [2, 4],
        [2, 4],
        [2, 4],
        [5, 5],
      ],
    );
    assert.deepEqual(ranks(samples, peers, { ...metric, better: 'less' })[4], {
      best: 1,
      worst: 1,
    });
  });

  it('rank by a few rounds only those who differ much', () => {
    const metric = { key: 'rate', unit: '', better: 'more', digits: 0 } as const;
    const bestOfSecond = (rate: number, rounds: number) => {
      const samples = Array.from({ length: rounds }, (_, index) => [
        sample('first', index + 1, 100, null),
        sample('second', index + 1, rate, null),
      ]).flat();
      return ranks(samples, ['first', 'second'], metric)[1].best;
    };
    assert.deepEqual([bestOfSecond(90, 2), bestOfSecond(70, 2), bestOfSecond(90, 4)], [1, 2, 2]);
  });

  it('say how much is added to what should be little, round by round', () => {
    const slower = [1, 2, 3].flatMap((round) => [
      sample('routing', round, 100 * round, null),
      sample('haproxy', round, 100 * round + 7, null),
    ]);
    const { axes, ...rest } = results(slower);
    const metrics = axes[0].metrics.map((metric) => ({ ...metric, better: 'less' as const }));
    const latency = { ...rest, axes: [{ ...axes[0], metrics }] };
    const [{ rows }] = summarize(latency, 'routing', 'haproxy');
    assert.deepEqual(rows[1].added.get('rate'), { median: 7, min: 7, max: 7 });
    assert.equal(summarize(results(slower), 'routing', 'haproxy')[0].rows[1].added.size, 0);
  });

  it('are read again as they were written, and refused where something is wrong', () => {
    const written = results([sample('routing', 1, 5, 20)]);
    const date = new Date(0).toISOString();
    assert.deepEqual(parseResults({ ...written, date }, 'f'), { ...written, date });
    const wrong = { ...written, date, samples: [{ ...written.samples[0], round: 'one' }] };
    assert.throws(() => parseResults(wrong, 'some.json'), /some\.json .*samples\[0\]\.round/s);
    assert.throws(() => readResults('/nowhere/none.json'), /\/nowhere\/none\.json.*no such file/);
  });

  it('say whether the machine was quiet', () => {
    const own = sample('routing', 1, 5, null);
    const shown = (others: number) => resultsTable(results([own, { ...own, others }]));
    assert.match(shown(0.04), /^other programs had 2 % of the machine meanwhile$/m);
    assert.match(
      shown(0.6),
      /^other programs had 30 % of the machine meanwhile: it was not quiet/m,
    );
  });

  it('are shown in columns', () => {
    const samples = [sample('routing', 1, 123_456, null), sample('haproxy', 1, 61_728, 20)];
    const lines = resultsTable(results(samples)).split('\n');
    const rows = lines.filter((line) => /^ {2}(plain routing|HAProxy) /.test(line));
    assert.deepEqual(
      rows.map((line) => line.trim().split(/ {2,}/)),
      [
        ['plain routing', '123 456', '(123 456 to 123 456)', '1', '1.00', '2.00'],
        ['HAProxy', '61 728', '(61 728 to 61 728)', '2', '0.50', '1.00', '20.0'],
      ],
    );
  });
});

describe('the command line of the side-by-side benchmark', () => {
  it('takes all peers and axes, or with --quick the most important ones', () => {
    const all = parseOptions([], TWO);
    const quick = parseOptions(['--quick'], TWO);
    assert.ok(all !== null && quick !== null);
    assert.ok(quick.axes.length < all.axes.length && quick.peers.length < all.peers.length);
    assert.notEqual(quick.file, all.file);
    assert.ok(all.peers.every(({ id }) => id !== 'watched'));
  });

  it('takes ids and their beginnings, in the order of measuring', () => {
    const options = parseOptions(['--axes', 'bulk-down,requests', '--peers', 'haproxy,uvs'], TWO);
    assert.deepEqual(
      options?.axes.map(({ id }) => id),
      ['requests', 'bulk-down-1', 'bulk-down-8'],
    );
    const peers = options?.peers.map(({ id }) => id) ?? [];
    assert.deepEqual([...peers.slice(0, 2), peers.at(-1)], ['uvs-ring', 'uvs-pcap', 'haproxy']);
    assert.ok(peers.slice(0, -1).every((id) => id.startsWith('uvs-')));
  });

  it('makes so many rounds, or as many as a time allows, as it does with --quick', () => {
    const times = ['--rounds 3', '--minutes 2.5', '--quick', '--quick --rounds 3'].map((line) => {
      const options = parseOptions(line.split(' '), TWO);
      return options?.minutes ?? options?.rounds;
    });
    assert.deepEqual(times, [3, 2.5, 2, 3]);
    assert.throws(() => parseOptions(['--rounds', '3', '--minutes', '1'], TWO), /either/);
    assert.throws(() => parseOptions(['--seconds', '0.01'], TWO), /--seconds must be/);
  });

  it('refuses what it does not know, and says what there is', () => {
    assert.throws(() => parseOptions(['--peers', 'traefik'], TWO), /no peer 'traefik'.*haproxy/);
    assert.throws(() => parseOptions(['--rounds', '0'], TWO), /--rounds must be/);
    assert.throws(() => parseOptions(['--fast'], TWO), /--fast.*--help/);
  });

  it('has the director change sides where it must share a processor', () => {
    assert.deepEqual(parseOptions([], TWO)?.placement?.director, ['1', '0']);
    assert.deepEqual(parseOptions([], 4)?.placement?.director, ['2']);
    assert.equal(parseOptions([], 1)?.placement, null);
    assert.equal(parseOptions(['--no-pinning'], TWO)?.placement, null);
  });
});

describe('a histogram of durations', () => {
  it('has the percentiles of all pieces together, exact to a tenth of a microsecond', () => {
    const low = Array.from({ length: 990 }, (_, index) => index / 10);
    const all = together([
      histogramOf(low),
      histogramOf([500.04, 499.96, 700, 7, 7, 7, 7, 7, 7, 7]),
    ]);
    assert.equal(percentileOf(all, 50), 49.2);
    assert.equal(percentileOf(all, 99.7), 98.9);
    assert.equal(percentileOf(all, 99.9), 500);
    assert.equal(percentileOf(all, 100), 700);
  });

  it('is exact to a percent beyond a millisecond', () => {
    const [[value, count]] = histogramOf([12_345]);
    assert.ok(Math.abs(value / 12_345 - 1) < 0.006, String(value));
    assert.equal(count, 1);
  });
});

describe('a numbered small packet', () => {
  it('has a right checksum, whatever its number', () => {
    const frame = buildFrame(
      {
        sourceMac: [2, 0, 0, 0, 0, 1],
        destinationMac: [2, 0, 0, 0, 0, 2],
        source: address('10.1.0.200'),
        destination: address('10.1.0.100'),
        sourcePort: 20_000,
        destinationPort: 9000,
        sequence: 1001,
        acknowledgment: -5,
        flags: 0x10,
      },
      true,
    );
    const sum = sumWithoutNumber(frame);
    for (const number of [0, 1, 0xffff, 0x12345678, 0x0fff_ffff]) {
      setNumber(frame, number, sum);
      const checksum = (frame[TCP + 16] << 8) | frame[TCP + 17];
      assert.equal(checksum, expectedTcpChecksum(frame), `number ${number}`);
    }
  });
});
