/** Reloading the rules while packets flow: only what differs is changed, all of it or nothing. */
import { ControlError, type Control } from '../control/api.js';
import { carryOut, isDone, makePlan, planSummary } from '../rules/plan.js';
import { readRules, RulesError } from '../rules/rules-file.js';
import { wantedBy } from '../rules/wanted.js';
import type { Log } from './log.js';

/**
 * Makes the director's rules those of `file`. Resolves to false where that can't be, with the reason in the log.
 * Never rejects.
 */
export async function reloadRules(file: string, control: Control, log: Log): Promise<boolean> {
  try {
    const plan = await makePlan(await wantedBy(file, readRules(file)), control);
    if (isDone(plan)) {
      log.info('rules reloaded, nothing differs', { file });
      return true;
    }
    await carryOut(plan, control);
    log.info('rules reloaded', { file, done: planSummary(plan) });
    return true;
  } catch (error) {
    const isRefused = error instanceof RulesError || error instanceof ControlError;
    const message = isRefused ? 'rules not reloaded, nothing was changed' : 'rules not reloaded';
    for (const problem of (error as Error).message.split('\n')) {
      log.error(message, { file, problem });
    }
    return false;
  }
}
