/** What a metric is called and means. docs/METRICS.md lists them all; a test compares. */
export interface Family {
  name: string;
  /** One sentence. */
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  labels: readonly string[];
}
