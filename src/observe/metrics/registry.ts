/**
 * prom-client's registry with the metrics of the director as a whole: their values are taken from a snapshot when they
 * are asked for.
 */
import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';
import type { Histogram as Measured, Snapshot } from '../../control/snapshot.js';
import {
  DIRECTOR_FAMILIES,
  IPVS_DIRECTOR_FAMILIES,
  type DirectorFamily,
} from './director-families.js';
import type { Family } from './family.js';

interface HistogramFamily extends Family {
  type: 'histogram';
  value: (snapshot: Snapshot) => Measured;
}

export const HISTOGRAM_FAMILIES: readonly HistogramFamily[] = [
  {
    name: 'uvs_burst_frames',
    help: 'Bursts of frames that were received at once, by their number of frames.',
    type: 'histogram',
    labels: [],
    value: ({ measured }) => measured.bursts,
  },
  {
    name: 'uvs_time_inside_seconds',
    help: "From the kernel's receiving a burst's first frame until the whole burst was handed to the network.",
    type: 'histogram',
    labels: [],
    value: ({ measured }) => measured.timeInside,
  },
];

/** A registry whose metrics show what `snapshot` gives at the moment they are asked. */
export function directorRegistry(snapshot: () => Snapshot): Registry {
  const registry = new Registry();
  for (const family of [...IPVS_DIRECTOR_FAMILIES, ...DIRECTOR_FAMILIES]) {
    registry.registerMetric(metricOf(family, snapshot));
  }
  for (const { name, help, value } of HISTOGRAM_FAMILIES) {
    registry.registerMetric(new MeasuredHistogram(name, help, () => value(snapshot())));
  }
  return registry;
}

function metricOf(family: DirectorFamily, snapshot: () => Snapshot): Counter | Gauge {
  const { name, help, labels, type } = family;
  const configuration = { name, help, labelNames: labels, registers: [] };
  if (type === 'counter') {
    return new Counter({
      ...configuration,
      collect() {
        this.reset();
        family.collect(snapshot(), (value, values = {}) => this.inc(values, value));
      },
    });
  }
  return new Gauge({
    ...configuration,
    collect() {
      this.reset();
      family.collect(snapshot(), (value, values = {}) => this.set(values, value));
    },
  });
}

/** A histogram whose buckets were counted by somebody else. */
class MeasuredHistogram extends Histogram {
  constructor(
    private readonly metricName: string,
    private readonly metricHelp: string,
    private readonly measured: () => Measured,
  ) {
    super({ name: metricName, help: metricHelp, registers: [] });
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const { bounds, counts, sum } = this.measured();
    const name = this.metricName;
    let total = 0;
    const buckets = counts.map((count, i) => ({
      metricName: `${name}_bucket`,
      labels: { le: bounds[i] ?? '+Inf' },
      value: (total += count),
    }));
    const values = [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sum },
      { metricName: `${name}_count`, labels: {}, value: total },
    ];
    const metric = { name, help: this.metricHelp, type: 'histogram', values, aggregator: 'sum' };
    // prom-client's type asks for a number in the place of the type's name, and for more than it uses.
    return metric as unknown as Awaited<ReturnType<MeasuredHistogram['get']>>;
  }

  /** What the registry prefers to `get`. */
  getForPromString(): ReturnType<MeasuredHistogram['get']> {
    return this.get();
  }
}
