/**
 * A log in which no message takes all the room: of each there are so many lines at a time, and then one line that says
 * how many more there were. Ten thousand servers that are added one by one come to a page or two that way.
 */
import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from './log.js';

const LINES_MAX = 200;
const PERIOD_MS = 60_000;

export interface LimitedLog extends Log {
  /** Says how many lines were left out, at the end. */
  close(): void;
}

export interface LimitOptions {
  linesMax?: number;
  periodMs?: number;
}

/** Passes on to `log` what isn't too much. */
export function limitLog(
  log: Log,
  { linesMax = LINES_MAX, periodMs = PERIOD_MS }: LimitOptions = {},
): LimitedLog {
  /** Lines by message, in this period. */
  const lines = new Map<string, number>();
  let period: NodeJS.Timeout | null = null;

  function endPeriod(): void {
    for (const [message, count] of lines) {
      if (count <= linesMax) continue;
      log.warn('lines left out', { message, lines: count - linesMax });
    }
    lines.clear();
    period = null;
  }

  function pass(level: LogLevel, message: string, fields?: LogFields): void {
    period ??= setTimeout(endPeriod, periodMs).unref();
    const count = (lines.get(message) ?? 0) + 1;
    lines.set(message, count);
    if (count <= linesMax) log[level](message, fields);
  }

  const methods = LOG_LEVELS.map((level) => [
    level,
    (message: string, fields?: LogFields) => pass(level, message, fields),
  ]);
  return {
    ...(Object.fromEntries(methods) as Log),
    close: () => {
      if (period !== null) clearTimeout(period);
      endPeriod();
    },
  };
}
