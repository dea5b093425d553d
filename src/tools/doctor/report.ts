/** What the doctor reports: as a page for people, as JSON for programs, as an exit status. */
import { z } from 'zod';
import { EXIT_ERRORS, EXIT_FAILURE, EXIT_OK, EXIT_WARNINGS } from '../exit-codes.js';
import { LEVELS, worstOf, type Level } from './findings.js';

const level = z.enum(LEVELS);

/** The JSON object that `uvs doctor --json` prints; docs/DOCTOR.md describes it. */
export const reportSchema = z.strictObject({
  /** Of the object's form; a change that programs may stumble over raises it. */
  version: z.literal(1),
  /** The worst of all findings. */
  level,
  /** Where services and servers come from. */
  source: z.enum(['director', 'rules', 'nothing']),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      level,
      findings: z.array(
        z.strictObject({
          level,
          text: z.string(),
          /** For a shell; empty where there is nothing to mend. */
          command: z.string(),
        }),
      ),
    }),
  ),
});

export type Report = z.infer<typeof reportSchema>;

const EXIT_CODES: Record<Level, number> = {
  ok: EXIT_OK,
  note: EXIT_OK,
  unchecked: EXIT_FAILURE,
  warning: EXIT_WARNINGS,
  error: EXIT_ERRORS,
};

export function exitCodeOf(report: Report): number {
  return EXIT_CODES[report.level];
}

export function jsonText(report: Report): string {
  return `${JSON.stringify(report, null, 1)}\n`;
}

const WIDTH = 100;
const INDENT = '      ';

/** `isQuiet` leaves out what is as it should be. */
export function pageText(report: Report, isQuiet: boolean): string {
  const width = Math.max(...report.checks.map(({ name }) => name.length));
  const lines = report.checks.flatMap(({ name, findings }) =>
    findings
      .filter(({ level }) => !isQuiet || level !== 'ok')
      .flatMap(({ level, text, command }) => [
        ...wrapped(`${level.padEnd(9)} ${name.padEnd(width)}  ${text}`),
        ...(command === '' ? [] : [`${INDENT}# ${command}`]),
      ]),
  );
  return [...lines, ...(isQuiet ? [] : [summaryOf(report)]), ''].join('\n');
}

function summaryOf({ checks }: Report): string {
  const levels = checks.flatMap(({ findings }) => findings.map(({ level }) => level));
  const count = (one: Level) => levels.filter((level) => level === one).length;
  const counts = (['error', 'warning', 'unchecked', 'note'] as const)
    .filter((one) => count(one) > 0)
    .map((one) => countText(count(one), one));
  const many = `${checks.length} checks`;
  return `\n${many}: ${counts.length === 0 ? 'nothing is wrong' : counts.join(', ')}`;
}

function countText(count: number, level: Level): string {
  if (level === 'unchecked') return `${count} not checked`;
  return `${count} ${level}${count === 1 ? '' : 's'}`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(lines.length === 0 ? word : `${INDENT}${word}`);
    }
  }
  return lines;
}

/** Puts a report together; `checks` with their findings, at least one each. */
export function makeReport(
  source: Report['source'],
  checks: readonly Pick<Report['checks'][number], 'name' | 'findings'>[],
): Report {
  const judged = checks.map(({ name, findings }) => ({
    name,
    level: worstOf(findings.map(({ level }) => level)),
    findings: [...findings],
  }));
  return {
    version: 1,
    level: worstOf(judged.map(({ level }) => level)),
    source,
    checks: judged,
  };
}
