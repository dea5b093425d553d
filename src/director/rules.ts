/** `--rules FILE`: services and servers to begin with, through the same code as `uvsadm -R`. */
import type { Control } from '../control/api.js';
import { readRules, RulesError, runRules } from '../rules/rules-file.js';
import { UsageError } from './usage.js';

/** Carries out every line. Rejects with UsageError that names file and line of what couldn't be. */
export async function loadRules(file: string, control: Control): Promise<void> {
  try {
    await runRules(file, readRules(file), control);
  } catch (error) {
    throw error instanceof RulesError ? new UsageError(error.message) : error;
  }
}
