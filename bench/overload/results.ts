/** What came out: samples, and the table of them. */
import type { Machine } from '../macro/machine.js';
import { spreadOf } from '../macro/statistics.js';

export interface Sample {
  readonly subject: string;
  readonly load: string;
  readonly condition: string;
  /** From 1 on. */
  readonly round: number;
  readonly rate: number;
  /** Frames a second that the flood really sent. */
  readonly flood: number;
}

export interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

export interface Names {
  readonly loads: readonly { id: string; title: string; unit: string; digits: number }[];
  readonly subjects: readonly {
    id: string;
    title: string;
    conditions: readonly { id: string; title: string }[];
  }[];
}

const CALM = 'calm';
const DOOR = 'door';

/** One table a load: a line for each subject and condition. */
export function resultsTable({ samples, rounds, seconds }: Results, names: Names): string {
  const tables = names.loads.map(({ id, title, unit, digits }) => {
    const own = samples.filter(({ load }) => load === id);
    const lines = names.subjects.flatMap((subject) => [
      [subject.title, '', '', '', '', ''],
      ...subject.conditions.map((condition) => {
        const chosen = pick(own, subject.id, condition.id);
        const rate = spreadOf(chosen.map((sample) => sample.rate));
        const range = `(${format(rate.min, digits)} to ${format(rate.max, digits)})`;
        const cells = [`  ${condition.title}`, format(rate.median, digits), range];
        if (condition.id === CALM) return [...cells, '', '', ''];
        const ofCalm = ratio(chosen, pick(own, subject.id, CALM));
        const door = condition.id === DOOR ? [] : pick(own, subject.id, DOOR);
        const flood = format(spreadOf(chosen.map((sample) => sample.flood)).median, 0);
        return [...cells, ofCalm, ratio(chosen, door), flood];
      }),
    ]);
    return `${title}\n${columns([['', unit, '', 'of calm', 'of door', 'flood/s'], ...lines], 1)}`;
  });
  return [`${rounds} rounds of ${seconds} s; medians (smallest to largest)`, ...tables].join(
    '\n\n',
  );
}

function pick(samples: readonly Sample[], subject: string, condition: string): Sample[] {
  return samples.filter((one) => one.subject === subject && one.condition === condition);
}

/** Round by round, with the smallest and largest. Empty where there is nothing to compare with. */
function ratio(own: readonly Sample[], others: readonly Sample[]): string {
  const ratios = own.flatMap(({ round, rate }) => {
    const other = others.find((sample) => sample.round === round);
    return other === undefined ? [] : [rate / other.rate];
  });
  if (ratios.length === 0) return '';
  const { median, min, max } = spreadOf(ratios);
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
}

function format(value: number, digits: number): string {
  return value
    .toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replaceAll(',', ' ');
}

/** The first columns to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[], toTheLeft: number): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i < toTheLeft ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  '),
  );
  return lines.map((line) => `  ${line.trimEnd()}`).join('\n');
}
