/** Has overload in the log: when it begins, and when it ends. */
import type { Control } from '../control/api.js';
import type { Log } from './log.js';
import { OverloadWatch } from './overload.js';

const LOOK_MS = 1000;

/** Looks every second, as long as there is a data plane that can be asked. Call `stop` in the end. */
export function logOverload(control: Pick<Control, 'counters'>, log: Log): { stop(): void } {
  const watch = new OverloadWatch();
  let isLooking = false;

  async function look(): Promise<void> {
    // A data plane that is starting answers late.
    if (isLooking) return;
    isLooking = true;
    try {
      for (const { kind, what, fields } of watch.look(
        await control.counters(),
        performance.now(),
      )) {
        if (kind === 'begins') log.warn(`overload: ${what}`, fields);
        else log.info(`overload is over: ${what}`, fields);
      }
    } catch {
      // It has ended meanwhile, which is in the log by itself.
    } finally {
      isLooking = false;
    }
  }

  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
