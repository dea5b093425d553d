/**
 * The director's log: one line an event on standard error, for people and for `grep`, or as JSON for programs.
 *
 *     2026-11-22T10:20:30.123Z info  interception in place virtual=2 real=3 devices=d0,d1
 *     {"time":"2026-11-22T10:20:30.123Z","level":"info","message":"interception in place","virtual":2,...}
 *
 * Time in UTC, level, a message that stays the same for the same event, then fields as key=value. A value with
 * anything but plain characters in it is quoted as in JSON, so a line is always one line.
 *
 * The journal keeps time and level by itself: it gets "<PRIORITY>message fields", see sd-daemon(3).
 */
import { fstatSync } from 'node:fs';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export type LogValue = string | number | boolean | readonly (string | number)[] | null | undefined;
/** Fields that are undefined are left out. */
export type LogFields = Record<string, LogValue>;

type LogMethod = (message: string, fields?: LogFields) => void;
export type Log = Record<LogLevel, LogMethod>;

const LEVEL_WIDTH = 5;
/** As syslog(3) counts. */
const PRIORITIES: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 };
const STANDARD_ERROR = 2;
const PLAIN = /^[\w.:/@%+*,~[\]-]+$/;

export interface LogOptions {
  level: LogLevel;
  format?: LogFormat;
  write?: (line: string) => void;
  now?: () => Date;
  /** Lines are for the journal. */
  isJournal?: boolean;
}

export function createLog({
  level,
  format = 'text',
  write = writeToStderr,
  now = () => new Date(),
  isJournal = false,
}: LogOptions): Log {
  const shown = LOG_LEVELS.indexOf(level);
  const lineOf = format === 'json' ? jsonLine : textLine;
  const method = (name: LogLevel, index: number): LogMethod => {
    if (index > shown) return () => {};
    const priority = isJournal ? `<${PRIORITIES[name]}>` : '';
    return (message, fields = {}) => {
      const time = isJournal ? null : now().toISOString();
      write(`${priority}${lineOf(time, name, message, fields)}\n`);
    };
  };
  return Object.fromEntries(LOG_LEVELS.map((name, index) => [name, method(name, index)])) as Log;
}

/** True where standard error goes to systemd's journal, by its word in JOURNAL_STREAM. */
export function writesToJournal(environment: NodeJS.ProcessEnv = process.env): boolean {
  try {
    const { dev, ino } = fstatSync(STANDARD_ERROR);
    return environment['JOURNAL_STREAM'] === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Of something that should not have happened. */
export function faultFields(error: unknown): LogFields {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { reason: message, stack };
}

/** `time` is null for a reader that knows time and level. */
function textLine(
  time: string | null,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  let text = time === null ? message : `${time} ${level.padEnd(LEVEL_WIDTH)} ${message}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${key}=${valueText(value)}`;
  }
  return text;
}

function jsonLine(
  time: string | null,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  return JSON.stringify({ ...(time === null ? {} : { time }), level, message, ...fields });
}

function valueText(value: Exclude<LogValue, undefined>): string {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return PLAIN.test(text) ? text : JSON.stringify(text);
}

function writeToStderr(line: string): void {
  process.stderr.write(line);
}
