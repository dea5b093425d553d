/** Reading metrics as Prometheus does. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function samplesOf(metrics: string): Sample[] {
  const lines = metrics.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm);
  return [...lines].map(([, name, labels = '', value]) => ({
    name,
    labels: labelsOf(labels),
    value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
  }));
}

/** The samples of one metric, of those whose labels are these as well. */
export function samples(
  metrics: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const wanted = Object.entries(labels);
  return samplesOf(metrics).filter(
    (sample) =>
      sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
}

/** The value of a metric's only sample; undefined where there is none. */
export function valueOf(
  metrics: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = samples(metrics, name, labels);
  if (found.length > 1) throw new Error(`${found.length} samples of ${name}`);
  return found[0]?.value;
}

function labelsOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...pairs].map(([, key, value]) => [key, value]));
}
