/** What a replay says: for people, and for programs (`--json`). */
import type { ScenarioResult, StepDifference, Verdict } from './replay.js';

/** Differing steps shown of one scenario: after the first ones the others mostly follow from them. */
const STEPS_SHOWN = 3;
const LINES_SHOWN = 12;

export type Summary = Record<Verdict, number>;

export function summarise(results: readonly ScenarioResult[]): Summary {
  const summary: Summary = { agrees: 0, differs: 0, unsupported: 0 };
  for (const result of results) summary[result.verdict] += 1;
  return summary;
}

export function jsonReport(results: readonly ScenarioResult[]): string {
  return `${JSON.stringify({ summary: summarise(results), scenarios: results }, null, 1)}\n`;
}

/** One scenario in lines; the empty string for one that agrees, unless `verbose`. */
export function scenarioReport(
  result: ScenarioResult,
  options: { verbose: boolean; all: boolean },
): string {
  const title = `${result.name} (${result.place})`;
  if (result.verdict === 'agrees') return options.verbose ? `${title}: agrees\n` : '';
  if (result.verdict === 'unsupported') return `${title}: not supported: ${result.reason}\n`;
  const shown = options.all ? result.differences : result.differences.slice(0, STEPS_SHOWN);
  const rest = result.differences.length - shown.length;
  return [
    `${title}: differs`,
    ...shown.flatMap((difference) => differenceLines(difference, options.all)),
    ...(rest > 0 ? [`  and ${rest} more (--all shows them)`] : []),
    '',
  ].join('\n');
}

export function summaryLine(results: readonly ScenarioResult[]): string {
  const { agrees, differs, unsupported } = summarise(results);
  return `${results.length} scenarios: ${agrees} agree, ${differs} differ, ${unsupported} not supported\n`;
}

function differenceLines(difference: StepDifference, all: boolean): string[] {
  return [
    `  step ${difference.step} at ${difference.atMs} ms: ${difference.cause}`,
    `    ${difference.what}`,
    ...labelled('recorded', difference.recorded, all),
    ...labelled('came out', difference.came, all),
  ];
}

function labelled(label: string, lines: readonly string[], all: boolean): string[] {
  const shown = all ? lines : lines.slice(0, LINES_SHOWN);
  const more = lines.length > shown.length ? [`(${lines.length - shown.length} more lines)`] : [];
  return [...shown, ...more].map((line, i) => `      ${(i === 0 ? label : '').padEnd(8)}  ${line}`);
}
