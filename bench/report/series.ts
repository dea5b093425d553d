/** How something changes with something else, such as the cost of a packet with the number of live connections. */
import { METRICS, type MetricKey, type ScaleResults } from '../scale/results.js';

export interface Series {
  /** What was measured, in the order in which it is shown. */
  readonly subjects: readonly { readonly id: string; readonly title: string }[];
  readonly charts: readonly Chart[];
  readonly samples: readonly SeriesSample[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** Labels with their units: "live connections", "µs of processor time". */
  readonly x: string;
  readonly y: string;
}

export interface SeriesSample {
  readonly chart: string;
  readonly subject: string;
  readonly x: number;
  readonly y: number;
}

/** A chart for each metric of which there are samples. */
export function seriesOf({ peers, samples }: ScaleResults): Series {
  const keys = Object.keys(METRICS) as MetricKey[];
  return {
    subjects: peers.map(({ id, title }) => ({ id, title })),
    charts: keys
      .filter((key) => samples.some(({ metric }) => metric === key))
      .map((id) => ({ id, title: METRICS[id].title, x: 'live connections', y: METRICS[id].unit })),
    samples: samples.map(({ metric, peer, size, value }) => ({
      chart: metric,
      subject: peer,
      x: size,
      y: value,
    })),
  };
}
