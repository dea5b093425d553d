import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../../src/observe/metrics/family.js';
import { FAMILIES } from '../../../src/observe/metrics/exposition.js';
import { packageRoot } from '../../../src/package.js';
import { alertExpressions, dashboardExpressions } from '../../support/queries.js';

const DOCS = join(packageRoot(), 'docs');
/** Prometheus' own. */
const OTHERS = ['up'];

function rowOf({ name, type, labels, help }: Family): string {
  return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`;
}

/** Names of metrics in an expression: what begins as ours do, and the metric that Prometheus adds. */
function metricsIn(expression: string): string[] {
  const words = expression.replaceAll(/"[^"]*"/g, '').matchAll(/\b(?:uvs|node)_\w+\b|\bup\b/g);
  return [...words].map(([word]) => word);
}

function isThere(metric: string): boolean {
  return FAMILIES.some(({ name, type }) =>
    type === 'histogram'
      ? ['bucket', 'sum', 'count'].some((part) => metric === `${name}_${part}`)
      : metric === name,
  );
}

/** Labels that an expression selects or groups by, but for those that Prometheus adds. */
function labelsIn(expression: string): string[] {
  const selected = expression.matchAll(/(\w+)\s*=~?\s*"/g);
  const grouped = expression.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g);
  return [
    ...[...selected].map(([, label]) => label),
    ...[...grouped].flatMap(([, labels]) => labels.split(',').map((label) => label.trim())),
  ];
}

const KNOWN_LABELS = new Set([
  'job',
  'instance',
  'le',
  ...FAMILIES.flatMap(({ labels }) => labels),
]);

describe('what is written about metrics', () => {
  it('lists each of them with its type, its labels and its meaning, and nothing else', () => {
    const text = readFileSync(join(DOCS, 'METRICS.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(?:uvs|node)_.*$/gm)].map(([row]) => row);
    assert.deepEqual(rows.toSorted(byText), FAMILIES.map(rowOf).toSorted(byText));
  });

  for (const [what, expressions] of [
    ['the dashboard', dashboardExpressions()],
    ['the alerts', alertExpressions()],
  ] as const) {
    it(`asks, in ${what}, for metrics that there are`, () => {
      assert.ok(expressions.length > 5);
      for (const expression of expressions) {
        const metrics = metricsIn(expression);
        assert.ok(metrics.length > 0, expression);
        const missing = metrics.filter((name) => !OTHERS.includes(name) && !isThere(name));
        assert.deepEqual(missing, [], expression);
        const labels = labelsIn(expression).filter((label) => !KNOWN_LABELS.has(label));
        assert.deepEqual(labels, [], expression);
      }
    });
  }
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
