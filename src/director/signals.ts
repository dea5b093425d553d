/**
 * Signals and failures that a director answers to.
 *
 *     SIGTERM, SIGINT   end, and leave nothing behind
 *     SIGUSR2           end, and leave the data plane at work for a successor
 *     SIGHUP            read the rules anew; where it means that the terminal is gone, end as with SIGTERM
 */
import { closeSync, openSync } from 'node:fs';
import type { Log } from './log.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const EXIT_FORCED = 1;

export interface Stop {
  /** Null where a signal asked for it. */
  failure: Error | null;
  /** The data plane is to be left at work. */
  leave: boolean;
}

/**
 * Resolves with the first reason to end: a signal, or an error that nobody caught. A second signal ends the
 * process on the spot.
 */
export function waitForStop(log: Log, onReload: () => void): Promise<Stop> {
  const hadTerminal = hasTerminal();
  return new Promise((resolve) => {
    let signals = 0;
    let failures = 0;
    const stop = (signal: NodeJS.Signals, leave: boolean): void => {
      if (++signals > 1) {
        log.error('stopped by force, `uvsd --cleanup` removes what is left', { signal });
        process.exit(EXIT_FORCED);
      }
      log.info('stopping', { signal });
      resolve({ failure: null, leave });
    };
    for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal, false));
    process.on('SIGUSR2', () => stop('SIGUSR2', true));
    process.on('SIGHUP', () => {
      if (hadTerminal && !hasTerminal()) stop('SIGHUP', false);
      else onReload();
    });
    const fail = (thrown: unknown): void => {
      const failure = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (++failures > 1) return;
      log.error('internal failure, stopping', { reason: failure.message, stack: failure.stack });
      // The packets needn't suffer from it.
      resolve({ failure, leave: true });
    };
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
    // A log that nobody reads any more is no reason to stop forwarding packets.
    process.stderr.on('error', () => {});
  });
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
