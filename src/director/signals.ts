/** Signals and failures that end a director. */
import type { Log } from './log.js';

/** A terminal that is closed ends the director as SIGTERM does, or it would leave its tables behind. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const EXIT_FORCED = 1;

export interface Stop {
  /** Null where a stop signal asked for it. */
  failure: Error | null;
}

/**
 * Resolves with the first reason to end: a signal, or an error that nobody caught. A second signal ends the
 * process on the spot.
 */
export function waitForStop(log: Log): Promise<Stop> {
  return new Promise((resolve) => {
    let signals = 0;
    let failures = 0;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (++signals > 1) {
          log.error('stopped by force, `uvsd --cleanup` removes what is left', { signal });
          process.exit(EXIT_FORCED);
        }
        log.info('stopping', { signal });
        resolve({ failure: null });
      });
    }
    const fail = (thrown: unknown): void => {
      const failure = thrown instanceof Error ? thrown : new Error(String(thrown));
      // What fails once may fail with every packet, until the packets have been stopped.
      if (++failures > 1) return;
      log.error('internal failure, stopping', { reason: failure.message, stack: failure.stack });
      resolve({ failure });
    };
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
    // A log that nobody reads any more is no reason to stop forwarding packets.
    process.stderr.on('error', () => {});
  });
}
