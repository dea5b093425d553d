/** `--rules FILE`: services and servers to begin with, in the words of `uvsadm -R`. */
import { ControlError, type Control } from '../control/api.js';
import { carryOut, makePlan } from '../rules/plan.js';
import { readRules, RulesError } from '../rules/rules-file.js';
import { wantedBy, type Wanted } from '../rules/wanted.js';
import { UsageError } from './usage.js';

/** Both at once. */
export async function loadRules(file: string, control: Control): Promise<void> {
  await makeSo(file, await readWanted(file), control);
}

/** What the file asks for. Rejects with UsageError that names file and line of what is wrong. */
export async function readWanted(file: string): Promise<Wanted> {
  try {
    return await wantedBy(file, readRules(file));
  } catch (error) {
    throw error instanceof RulesError ? new UsageError(error.message) : error;
  }
}

/** Makes it so; only what differs is changed. Rejects with UsageError where the director refuses. */
export async function makeSo(file: string, wanted: Wanted, control: Control): Promise<void> {
  try {
    await carryOut(await makePlan(wanted, control), control);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new UsageError(`can't carry out the rules in ${file}: ${error.message}`);
  }
}
