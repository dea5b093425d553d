/**
 * Files of rules: command lines as `uvsadm -S` writes and `uvsadm -R` reads them, with comments. Every line is
 * looked at, so that all that is wrong with a file is told at once.
 */
import type { Output } from '../admin/output.js';
import type { Names } from '../admin/names.js';
import { commandLines } from '../admin/restore.js';
import { runCommand, type Context } from '../admin/run.js';
import { SystemNames } from '../admin/system-names.js';
import type { Control } from '../control/api.js';
import { packageVersion } from '../package.js';
import { readText } from './read-text.js';

/** Of a file that is wrong from beginning to end this many lines are named. */
const PROBLEMS_MAX = 20;

/** Rules that can't be read or carried out; the message has a line for each problem, "FILE:LINE: what". */
export class RulesError extends Error {
  override name = 'RulesError';
}

/** The rules' text. Throws RulesError. */
export function readRules(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw new RulesError(`can't read the rules in ${file}: ${(error as Error).message}`);
  }
}

/** Carries out every line. Rejects with RulesError where one couldn't be; the others were. */
export async function runRules(
  file: string,
  text: string,
  control: Control,
  names: Names = new SystemNames(),
): Promise<void> {
  const stdout: Output = { write: async () => {} };
  const context = { control, names, stdout, programName: 'uvsadm', version: packageVersion() };
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#')) continue;
    const problem = await runLine(line, context);
    if (problem !== null) problems.push(`${file}:${index + 1}: ${problem}`);
  }
  if (problems.length === 0) return;
  const named = problems.slice(0, PROBLEMS_MAX);
  const more = problems.length - named.length;
  if (more > 0) named.push(`${file}: and ${more} more lines are wrong`);
  throw new RulesError(named.join('\n'));
}

/** Null, or what is wrong with the line. */
async function runLine(line: string, base: Omit<Context, 'stderr'>): Promise<string | null> {
  const told: string[] = [];
  const stderr: Output = { write: async (text) => void told.push(text.trim()) };
  const context: Context = { ...base, stderr };
  for await (const words of commandLines(line)) {
    const exitCode = await runCommand(words, '', context);
    if (exitCode !== 0) return told.join('; ').replace(/\s*\n\s*/g, '; ');
  }
  return null;
}
