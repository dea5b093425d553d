/** What the dashboard and the alerts in docs/ ask Prometheus. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/package.js';

export const DASHBOARD = join(packageRoot(), 'docs/grafana/uvs.json');
export const ALERTS = join(packageRoot(), 'docs/prometheus/uvs.rules.yml');

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

interface Dashboard {
  panels: Panel[];
  annotations: { list: { expr: string }[] };
  templating: { list: { query: string | { query: string } }[] };
}

function dashboard(): Dashboard {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
}

/** Of all panels, annotations and variables, with Grafana's variables in them. */
export function dashboardExpressions(): string[] {
  const { panels, annotations, templating } = dashboard();
  const variables = templating.list.map(({ query }) =>
    typeof query === 'string' ? query : query.query,
  );
  return [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...annotations.list.map(({ expr }) => expr),
    ...variables.filter((query) => query.startsWith('label_values(')),
  ];
}

export interface PanelQuery {
  title: string;
  query: string;
}

/** The panels' expressions as Grafana would send them for all directors and services of a job. */
export function panelQueries(job: string, interval: string): PanelQuery[] {
  return dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      query: expr
        .replaceAll('$job', job)
        .replaceAll('$instance', '.+')
        .replaceAll('$service', '.+')
        .replaceAll('$__rate_interval', interval),
    })),
  );
}

/** Each stands on a line of its own. */
export function alertExpressions(): string[] {
  const text = readFileSync(ALERTS, 'utf8');
  return [...text.matchAll(/^ +expr: (.+)$/gm)].map(([, expression]) => expression);
}
