/** The figures as tables, and what of the targets was reached. */
import { cpus, release, totalmem } from 'node:os';
import { spreadOf } from '../macro/statistics.js';
import { SIZES } from './sizes.js';
import { grouped, median, type Measurement } from './measure.js';
import { table } from './table.js';

/** Machine and versions, without which no figure means anything. */
export function machine(): string {
  const [cpu] = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const flags = process.execArgv.filter((flag) => flag !== '--expose-gc');
  return [
    `${cpus().length} CPUs ${cpu.model.trim()}, ${memoryGb} GB, Linux ${release()}`,
    `Node ${process.version}, V8 ${process.versions.v8}`,
    ...flags,
  ].join('; ');
}

/** Median, least and greatest of the rounds. */
function spread({ rounds }: Measurement): string {
  const { median: middle, min, max } = spreadOf(rounds);
  const text = (value: number) => (Math.abs(middle) < 10 ? value.toFixed(1) : grouped(value));
  return rounds.length === 1 ? text(middle) : `${text(middle)} (${text(min)}..${text(max)})`;
}

export function report(measurements: readonly Measurement[], notes: readonly string[]): string {
  const groups = [...new Set(measurements.map(({ group }) => group))];
  const sections = groups.map((name) => {
    return section(
      name,
      measurements.filter(({ group }) => group === name),
    );
  });
  if (notes.length > 0) sections.push(notes.map((note) => `Note: ${note}`).join('\n'));
  return sections.join('\n\n');
}

function section(group: string, members: Measurement[]): string {
  const unit = members[0].unit;
  const isMixed = members.some((member) => member.unit !== unit);
  const hasRival = members.some(({ subject }) => subject === 'straightforward');
  const engineRows = members.filter(({ subject }) => subject === 'uvs');
  const sizes = new Set(engineRows.map(({ live }) => live));
  const hasSizes = sizes.size > 1 && sizes.has(SIZES[0]);
  const hasHeap = members.some(({ heapBytes }) => heapBytes !== undefined);
  const header = ['', 'live connections', 'uvs'];
  if (hasRival) header.push('straightforward', 'ratio');
  if (hasSizes) header.push(`to ${grouped(SIZES[0])}`);
  if (hasHeap) header.push('garbage');
  const rows = engineRows.map((own) => {
    const rival = find(members, own.case, own.live, 'straightforward');
    const smallest = find(members, own.case, SIZES[0], 'uvs');
    const name = isMixed ? `${own.case}, ${own.unit}` : own.case;
    const row = [name, own.live === 0 ? '' : grouped(own.live), spread(own)];
    if (hasRival) row.push(rival ? spread(rival) : '-', rival ? ratio(rival, own) : '-');
    if (hasSizes) row.push(smallest ? ratio(own, smallest) : '-');
    if (hasHeap) row.push(`${own.heapBytes ?? '-'} / ${rival?.heapBytes ?? '-'} B`);
    return row;
  });
  const title = `${group[0].toUpperCase()}${group.slice(1)}${isMixed ? '' : `, ${unit}`}`;
  return `${title}\n\n${table(header, rows, 1)}`;
}

function find(
  members: readonly Measurement[],
  name: string,
  live: number,
  subject: Measurement['subject'],
): Measurement | undefined {
  return members.find(
    (member) => member.case === name && member.live === live && member.subject === subject,
  );
}

/** None to what is next to nothing. */
function ratio(dividend: Measurement, divisor: Measurement): string {
  if (median(divisor.rounds) < 0.5) return '-';
  return (median(dividend.rounds) / median(divisor.rounds)).toFixed(1);
}
