/** Numbers on the command line, read as the C library reads them. */
import { usageFault } from './failure.js';

/** Persistence and connection timeouts: 31 days. */
export const TIMEOUT_MAX_SECONDS = 31 * 24 * 60 * 60;
export const INT32_MAX = 0x7fff_ffff;
export const PORT_MAX = 65_535;
const FWMARK_MAX = 0xffff_ffff;

/**
 * A whole decimal number of a range, null where it isn't one. Blanks before it and a sign are allowed, as in
 * strtol(3); nothing may follow.
 */
export function parseInteger(text: string, min: number, max: number): number | null {
  if (!/^[ \t\n\v\f\r]*[+-]?\d+$/.test(text)) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
}

/** As `parseInteger`; throws AdminError "illegal WHAT specified" where it isn't a number of the range. */
export function requireInteger(text: string, min: number, max: number, what: string): number {
  const value = parseInteger(text, min, max);
  if (value === null) throw usageFault(`illegal ${what} specified`);
  return value;
}

/** The number that a text begins with as int32, 0 where it begins with none, as atoi(3). */
export function leadingInteger(text: string): number {
  return 0 | Number(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

export function parseTimeout(text: string, minSeconds: number): number {
  const seconds = parseInteger(text, minSeconds, TIMEOUT_MAX_SECONDS);
  if (seconds === null) throw usageFault(`invalid timeout value \`${text}' specified`);
  return seconds;
}

export function parseFwmark(text: string): number {
  const mark = parseInteger(text, 1, FWMARK_MAX);
  if (mark === null) throw usageFault(`invalid fwmark value \`${text}' specified`);
  return mark;
}
