/** The plots. Every sample is a dot, so that the spread can be seen; a stroke is the median. */
import { LIMIT } from '../macro/peers/index.js';
import type { Results } from '../macro/results.js';
import { summarize, type AxisSummary } from '../macro/summary.js';
import { colour, draw, type Colour, type LegendEntry } from './canvas.js';
import { axisData, ratiosToLimit, seriesData, type MetricData } from './data.js';
import { formatted } from '../columns.js';
import { Plot } from './plot-library.js';
import type { Series } from './series.js';

export interface Picture {
  /** Of its file, without ".svg". */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

const ROW_HEIGHT = 30;
const LABELS_WIDTH = 120;
const VALUES_WIDTH = 80;
const SUBJECT_COLOURS: readonly Colour[] = [
  'blue',
  'green',
  'purple',
  'orange',
  'yellow',
  'gray',
  'ink',
];
const PERCENTILE_COLOURS: readonly Colour[] = ['green', 'blue', 'orange', 'purple'];

/** All plots of a side-by-side run, their names beginning with `prefix`. */
export function resultsPictures(results: Results, prefix: string): Picture[] {
  const summaries = summarize(results, LIMIT, '');
  const overview = overviewPicture(results, prefix);
  const axes = summaries
    .filter(({ rows }) => rows.length > 0)
    .map((summary) => ({
      name: `${prefix}-${summary.axis.id}`,
      title: summary.axis.title,
      svg: axisSvg(results, summary),
    }));
  return [...overview, ...axes];
}

function axisSvg(results: Results, summary: AxisSummary): string {
  const data = axisData(results, summary);
  const [main] = data;
  const peers = summary.rows.map(({ title }) => title);
  return main.metric.better === 'less'
    ? percentilesSvg(summary.axis.title, data, peers)
    : metricSvg(summary, main, peers);
}

/** A row for each peer, from zero on. */
function metricSvg(
  { axis, rows }: AxisSummary,
  data: MetricData,
  peers: readonly string[],
): string {
  const own = new Set(rows.filter(({ peer }) => peer.startsWith('uvs')).map(({ title }) => title));
  const fill = ({ subject }: { subject: string }) => colour(own.has(subject) ? 'blue' : 'gray');
  return draw(`${axis.title}, ${data.metric.unit}`, {
    height: peers.length * ROW_HEIGHT + 72,
    marginLeft: LABELS_WIDTH,
    marginRight: VALUES_WIDTH,
    x: { label: data.metric.unit, grid: true, zero: true, ticks: 6, tickFormat: compact },
    y: { label: null, domain: [...peers], tickSize: 0 },
    marks: [
      Plot.ruleY(data.ranges, {
        y: 'subject',
        x1: 'min',
        x2: 'max',
        stroke: fill,
        strokeOpacity: 0.5,
      }),
      Plot.dot(data.points, { y: 'subject', x: 'value', r: 3.5, fill, fillOpacity: 0.55 }),
      Plot.tickX(data.ranges, {
        y: 'subject',
        x: 'median',
        stroke: fill,
        strokeWidth: 3,
        inset: 6,
      }),
      Plot.text(data.ranges, {
        y: 'subject',
        text: ({ median }: { median: number }) => formatted(median, data.metric.digits),
        frameAnchor: 'right',
        dx: VALUES_WIDTH - 6,
        textAnchor: 'end',
        fontVariant: 'tabular-nums',
      }),
      Plot.ruleX([0]),
    ],
  });
}

/** A row for each peer, with all percentiles on it. */
function percentilesSvg(
  title: string,
  all: readonly MetricData[],
  peers: readonly string[],
): string {
  const legend = all.map(({ metric }, index) => ({
    text: metric.key,
    colour: percentileColour(index),
  }));
  return draw(
    `${title}, microseconds`,
    {
      height: peers.length * ROW_HEIGHT + 72,
      marginLeft: LABELS_WIDTH,
      x: { label: 'µs', type: 'log', inset: 8, grid: true, ticks: 5, tickFormat: compact },
      y: { label: null, domain: [...peers], tickSize: 0 },
      marks: all.flatMap(({ points, ranges }, index) => [
        Plot.ruleY(ranges, {
          y: 'subject',
          x1: 'min',
          x2: 'max',
          stroke: percentileColour(index),
          strokeOpacity: 0.5,
        }),
        Plot.dot(points, {
          y: 'subject',
          x: 'value',
          r: 3,
          fill: percentileColour(index),
          fillOpacity: 0.5,
        }),
        Plot.tickX(ranges, {
          y: 'subject',
          x: 'median',
          stroke: percentileColour(index),
          strokeWidth: 3,
          inset: 6,
        }),
      ]),
    },
    legend,
  );
}

function percentileColour(index: number): string {
  return colour(PERCENTILE_COLOURS[index % PERCENTILE_COLOURS.length]);
}

function overviewPicture(results: Results, prefix: string): Picture[] {
  const ratios = ratiosToLimit(results);
  if (ratios.length === 0) return [];
  const axes = [...new Set(ratios.map(({ axis }) => axis))];
  const { fill, legend } = bySubject([...new Set(ratios.map(({ subject }) => subject))]);
  const title = 'What each reaches of plain routing';
  const svg = draw(
    title,
    {
      height: axes.length * 34 + 80,
      marginLeft: 190,
      x: { label: 'of plain routing', grid: true, zero: true },
      y: { label: null, domain: axes, tickSize: 0 },
      marks: [
        Plot.ruleX([1], { strokeDasharray: '3,3' }),
        Plot.ruleY(ratios, { y: 'axis', x1: 'min', x2: 'max', stroke: fill, strokeOpacity: 0.35 }),
        Plot.dot(ratios, { y: 'axis', x: 'median', r: 5, fill, fillOpacity: 0.85 }),
        Plot.ruleX([0]),
      ],
    },
    legend,
  );
  return [{ name: `${prefix}-overview`, title, svg }];
}

/** A line for each subject through the medians, and all samples. */
export function seriesPictures(series: Series, prefix: string): Picture[] {
  return series.charts.map((chart) => {
    const { points, medians } = seriesData(series, chart.id);
    const subjects = [...new Set(points.map(({ subject }) => subject))];
    const { fill, legend } = bySubject(subjects);
    const svg = draw(
      `${chart.title}, ${chart.y}`,
      {
        height: 340,
        marginTop: 40,
        marginLeft: 70,
        x: { label: chart.x, type: 'log', tickFormat: compact, ticks: 6 },
        y: { label: chart.y, grid: true, zero: true, tickFormat: compact, ticks: 6 },
        marks: [
          Plot.line(medians, { x: 'x', y: 'y', z: 'subject', stroke: fill, strokeWidth: 2 }),
          Plot.dot(points, { x: 'x', y: 'y', r: 3, fill, fillOpacity: 0.5 }),
        ],
      },
      legend,
    );
    return { name: `${prefix}-${chart.id}`, title: `${chart.title}, ${chart.y}`, svg };
  });
}

/** A colour for each subject, and the legend that says so. */
function bySubject(subjects: readonly string[]) {
  const of = (subject: string) =>
    colour(SUBJECT_COLOURS[subjects.indexOf(subject) % SUBJECT_COLOURS.length]);
  const legend: LegendEntry[] = subjects.map((text) => ({ text, colour: of(text) }));
  return { fill: ({ subject }: { subject: string }) => of(subject), legend };
}

/** "1 500", "150k", "4M" */
function compact(value: number): string {
  if (Math.abs(value) >= 1e6) return `${value / 1e6}M`;
  if (Math.abs(value) >= 1e4) return `${value / 1e3}k`;
  return value.toLocaleString('en').replaceAll(',', ' ');
}
