import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Results, Sample } from '../../../bench/macro/results.js';
import { summarize } from '../../../bench/macro/summary.js';
import { compare, comparisonText } from '../../../bench/report/compare.js';
import { axisData, ratiosToLimit, seriesData } from '../../../bench/report/data.js';
import { resultsShownIn, withResults } from '../../../bench/report/documents.js';
import { goalsTable, verdicts } from '../../../bench/report/goals.js';
import { reportPage } from '../../../bench/report/page.js';
import { resultsPictures, seriesPictures } from '../../../bench/report/plots.js';
import { seriesOf } from '../../../bench/report/series.js';
import { readSource, standardFiles, type Source } from '../../../bench/report/sources.js';
import { parseScaleResults } from '../../../bench/scale/results.js';
import { packageRoot } from '../../../src/package.js';

const PEERS = {
  routing: 'plain routing',
  'uvs-ring': 'uvs (ring)',
  nftables: 'nft <DNAT> & "more"',
};
const DOCS = join(packageRoot(), 'docs');

function latency(key: string) {
  return { key, unit: `µs ${key}`, better: 'less', digits: 0 } as const;
}

/** Two rounds; `rates` of requests by peer, and latencies of as many microseconds. */
function results(rates: Record<string, [number, number]>): Results {
  const samples = Object.entries(rates).flatMap(([peer, values]) =>
    values.flatMap((rate, index): Sample[] => {
      const rest = { peer, round: index + 1, details: {}, work: 0, cpu: null, others: 0 };
      return [
        { ...rest, axis: 'requests', values: { rate } },
        { ...rest, axis: 'latency-light', values: { p50: rate, p99: 2 * rate } },
      ];
    }),
  );
  return {
    format: 1,
    date: '2000-01-01T00:00:00.000Z',
    command: 'npm run bench',
    machine: {
      processor: 'P',
      processors: 2,
      memoryMb: 2048,
      kernel: '6',
      congestionControl: 'cubic',
      node: 'v20',
      tools: {},
    },
    settings: { rounds: 2, seconds: 1, connections: 50, placement: null },
    peers: Object.entries(PEERS)
      .filter(([id]) => id in rates)
      .map(([id, title]) => ({ id, title, version: '', settings: '', memory: null })),
    axes: [
      {
        id: 'requests',
        title: 'requests',
        metrics: [{ key: 'rate', unit: 'requests/s', better: 'more', digits: 0 }],
        work: null,
      },
      {
        id: 'latency-light',
        title: 'latency',
        metrics: [latency('p50'), latency('p99')],
        work: null,
      },
    ],
    samples,
  };
}

const SAMPLE = results({ routing: [100, 200], 'uvs-ring': [50, 120], nftables: [90, 190] });

const SCALE = parseScaleResults(
  {
    format: 1,
    date: SAMPLE.date,
    command: 'npm run bench:scale',
    machine: SAMPLE.machine,
    settings: { sizes: [1000, 1_000_000], rounds: 2, seconds: 1, placement: null },
    peers: ['uvs', 'ip_vs'].map((id) => ({ id, title: id, version: '', settings: '' })),
    samples: [
      { metric: 'packetCost', peer: 'uvs', round: 1, size: 1_000_000, value: 300 },
      { metric: 'packetCost', peer: 'uvs', round: 1, size: 1000, value: 100 },
      { metric: 'packetCost', peer: 'uvs', round: 2, size: 1000, value: 110 },
      { metric: 'packetCost', peer: 'ip_vs', round: 1, size: 1000, value: 200 },
      { metric: 'memory', peer: 'uvs', round: 1, size: 1000, value: 80 },
    ],
  },
  'scale.json',
);
const SERIES = seriesOf(SCALE);

/** Throws where tags aren't closed in the order in which they were opened, or signs stand bare. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replaceAll(
    /<(\/?)([a-zA-Z][\w:]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (...found) => {
      const [, closing, name, , empty] = found as string[];
      if (closing !== '') assert.equal(open.pop(), name, `</${name}>`);
      else if (empty === '') open.push(name);
      return '';
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<]|&(?!(amp|lt|gt|quot|apos|#\d+);)/);
  assert.doesNotMatch(xml, /NaN|undefined|Infinity/);
}

function dots(svg: string): number {
  return svg.match(/<circle /g)?.length ?? 0;
}

function block(name: string): string {
  return `<!-- results of ${name} -->\nold\n<!-- end of results -->`;
}

describe('what is drawn of results', () => {
  it('is every sample, and the range of each peer', () => {
    const [requests] = summarize(SAMPLE, 'routing', '');
    const [{ metric, points, ranges }] = axisData(SAMPLE, requests);
    assert.equal(metric.key, 'rate');
    assert.equal(points.length, 6);
    assert.deepEqual(points[2], { subject: 'uvs (ring)', round: 1, value: 50 });
    assert.deepEqual(ranges[1], { subject: 'uvs (ring)', median: 85, min: 50, max: 120 });
  });

  it('leaves out what older results do not have', () => {
    const axes = SAMPLE.axes.map((axis) => ({
      ...axis,
      metrics: [...axis.metrics, { key: 'new', unit: '%', better: 'less', digits: 0 } as const],
    }));
    const older = { ...SAMPLE, axes };
    const [, { points, ranges }] = axisData(older, summarize(older, 'routing', '')[0]);
    assert.deepEqual([points, ranges], [[], []]);
    for (const { svg } of resultsPictures(older, 'x')) assertWellFormed(svg);
  });

  it('has the ratios to plain routing where more is better', () => {
    const ratios = ratiosToLimit(SAMPLE);
    assert.deepEqual(ratios[0], {
      axis: 'requests',
      subject: 'uvs (ring)',
      median: 0.55,
      min: 0.5,
      max: 0.6,
    });
    assert.equal(ratios.length, 2);
  });

  it('is a line through the medians of a series', () => {
    const { points, medians } = seriesData(SERIES, 'packetCost');
    assert.equal(points.length, 4);
    assert.deepEqual(medians, [
      { subject: 'uvs', x: 1000, y: 105 },
      { subject: 'uvs', x: 1_000_000, y: 300 },
      { subject: 'ip_vs', x: 1000, y: 200 },
    ]);
    assert.deepEqual(
      SERIES.charts.map(({ id, y }) => [id, y]),
      [
        ['packetCost', 'µs of processor time'],
        ['memory', 'bytes'],
      ],
    );
  });
});

describe('the files of a report', () => {
  const source: Source = {
    name: 'side-by-side',
    title: 'Side by side',
    command: 'npm run bench',
    date: SAMPLE.date,
    place: 'here <& there>',
    caution: 'Take care.',
    table: 'a table\n\n  of two lines',
    pictures: resultsPictures(SAMPLE, 'side-by-side'),
  };

  it('are well-formed SVG, with all samples as dots and colours for light and dark ground', () => {
    const pictures = [...source.pictures, ...seriesPictures(SERIES, 'scale')];
    assert.deepEqual(
      pictures.map(({ name }) => name),
      [
        'side-by-side-overview',
        'side-by-side-requests',
        'side-by-side-latency-light',
        'scale-packetCost',
        'scale-memory',
      ],
    );
    for (const { svg } of pictures) {
      assertWellFormed(svg);
      assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      assert.match(svg, /prefers-color-scheme:dark/);
    }
    assert.equal(dots(pictures[1].svg), 6);
    // Two percentiles, and the legend that tells them apart.
    assert.equal(dots(pictures[2].svg), 12 + 2);
    assert.equal(dots(pictures[3].svg), 4 + 2);
  });

  it('are a page that needs nothing else', () => {
    const page = reportPage([source]);
    assert.match(page, /^<!doctype html>/);
    assert.equal(page.match(/<svg /g)?.length, 3);
    assert.match(page, /here &lt;&amp; there&gt;/);
    assert.doesNotMatch(page, /<(script|link|img|iframe)|url\(|@import/);
    const sections = /<section[\s\S]*<\/section>/.exec(page);
    assertWellFormed(sections?.[0] ?? '');
  });

  it('are documents in which only what is between the marks changes', () => {
    const before = `# Title\n\n${block('side-by-side')}\n\nrest\n${block('scale')}\n`;
    const after = withResults(before, [source], 'plots');
    assert.deepEqual(resultsShownIn(after), ['side-by-side', 'scale']);
    assert.ok(after.startsWith('# Title\n\n<!-- results of side-by-side -->\n'));
    assert.ok(after.endsWith(`<!-- end of results -->\n\nrest\n${block('scale')}\n`));
    assert.match(after, /!\[requests\]\(plots\/side-by-side-requests\.svg\)/);
    assert.match(after, /^\*\*Emulated\.\*\* Take care\.$/m);
    assert.match(after, /^ {4}a table\n\n {6}of two lines$/m);
    assert.equal(withResults(after, [source], 'plots'), after);
  });

  it('say whether they can be read', () => {
    assert.throws(
      () => parseScaleResults({ ...SCALE, samples: [{}] }, 's'),
      /no results of npm run bench:scale/,
    );
    assert.throws(() => readSource(join(packageRoot(), 'package.json')), /holds no results of npm/);
  });
});

describe('goals', () => {
  it('are judged by the medians of ratios, and of what is added', () => {
    assert.deepEqual(verdicts(SAMPLE), [
      { goal: 'requests: at least 1.0 of nft <DNAT> & "more"', reached: ['0.59  no'] },
      { goal: 'p99 added at light load: under 100 µs', reached: ['-130 yes'] },
    ]);
    assert.match(goalsTable(SAMPLE), /uvs \(ring\)\n.*0\.59 {2}no/);
  });

  it('are left out where there is nothing to judge', () => {
    assert.equal(goalsTable({ ...SAMPLE, samples: [] }), '');
  });
});

describe('two runs', () => {
  const other = results({ routing: [100, 200], 'uvs-ring': [95, 210], nftables: [80, 150] });

  it('are compared by their ratios, and by pairs that are ranked in opposite orders', () => {
    const { ratios, contradictions } = compare(SAMPLE, other);
    const [uvs] = ratios;
    assert.deepEqual(
      [uvs.axis, uvs.peer, uvs.first, uvs.second],
      ['requests', 'uvs (ring)', 0.55, 1],
    );
    assert.ok(Math.abs(uvs.change - 0.45 / 0.55) < 1e-9);
    assert.ok(contradictions.includes('requests: nft <DNAT> & "more", uvs (ring)'));
    const largest = Math.max(...ratios.map(({ change }) => Math.abs(change)));
    const said = `the largest difference is ${(largest * 100).toFixed(1)} %.`;
    assert.ok(comparisonText({ ratios, contradictions }).includes(said));
  });

  it('agree with themselves', () => {
    const { ratios, contradictions } = compare(SAMPLE, SAMPLE);
    assert.deepEqual(contradictions, []);
    assert.ok(ratios.length === 4 && ratios.every(({ change }) => change === 0));
  });
});

describe('the documents', () => {
  const sources = standardFiles().map(readSource);
  const plots = join(DOCS, 'benchmarks', 'plots');
  const advice = 'run `npm run bench:report`';

  it('show the figures of the results that are there', () => {
    const documents = readdirSync(DOCS, { recursive: true, encoding: 'utf8' });
    const shown = documents
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) => {
        const file = join(DOCS, name);
        const text = readFileSync(file, 'utf8');
        const path = relative(dirname(file), plots);
        const isCurrent = withResults(text, sources, path) === text;
        assert.ok(isCurrent, `${name} is out of date: ${advice}`);
        return resultsShownIn(text);
      });
    assert.deepEqual(
      sources.map(({ name }) => name).filter((name) => !shown.includes(name)),
      [],
      'no document shows these',
    );
  });

  it('have the plots of these, and no others', () => {
    const pictures = sources.flatMap((source) => source.pictures);
    for (const { name, svg } of pictures) {
      const file = join(plots, `${name}.svg`);
      assert.ok(existsSync(file), `${file} is missing: ${advice}`);
      assert.ok(readFileSync(file, 'utf8') === svg, `${file} is out of date: ${advice}`);
    }
    assert.equal(readdirSync(plots).length, pictures.length, `plots too many: ${advice}`);
  });

  it('have the same as a page', () => {
    const page = readFileSync(join(DOCS, 'benchmarks', 'report.html'), 'utf8');
    assert.ok(page === reportPage(sources), `report.html is out of date: ${advice}`);
  });
});
