/**
 * Services and servers once more, as text beside the tables: should the tables be damaged, their connections are
 * lost but not the rules. Written a moment after each change.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Control, ServiceEntry, Timeouts } from '../control/api.js';
import { carryOut, isDone, makePlan, planSummary } from '../rules/plan.js';
import type { Log } from './log.js';

const FILE = 'rules.saved';
const VERSION = 1;
const OWNER_ONLY = 0o600;
/** Changes that follow one another are written once. */
const SETTLE_MS = 500;

interface Saved {
  version: number;
  services: ServiceEntry[];
  timeouts: Timeouts;
}

export class RulesKeeper {
  private readonly file: string;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly stateDir: string,
    private readonly control: Control,
    private readonly log: Log,
  ) {
    this.file = join(stateDir, FILE);
  }

  /** Something has changed: it is written down soon. */
  changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.save().catch((error: Error) => {
        this.log.warn('rules not saved', { file: this.file, reason: error.message });
      });
    }, SETTLE_MS);
  }

  /** The tables hold nothing: puts back what was written down. Resolves to false where nothing was. */
  async restore(): Promise<boolean> {
    try {
      const saved = this.read();
      if (saved === null) return false;
      const plan = await makePlan(saved, this.control);
      if (isDone(plan)) return true;
      await carryOut(plan, this.control);
      this.log.warn('rules restored from their copy, connections are lost', {
        done: planSummary(plan),
      });
      return true;
    } catch (error) {
      const { message } = error as Error;
      this.log.error('rules not restored', { file: this.file, reason: message });
      return false;
    }
  }

  /** Removes what was written down. */
  remove(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    removeSavedRules(this.stateDir);
  }

  private async save(): Promise<void> {
    const services = await this.control.services();
    const saved: Saved = { version: VERSION, services, timeouts: await this.control.timeouts() };
    writeFileSync(`${this.file}.new`, JSON.stringify(saved), { mode: OWNER_ONLY });
    renameSync(`${this.file}.new`, this.file);
  }

  private read(): Saved | null {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch {
      return null;
    }
    const saved = JSON.parse(text) as Saved;
    if (saved.version !== VERSION || !Array.isArray(saved.services)) {
      throw new Error('not such a copy');
    }
    return saved;
  }
}

export function removeSavedRules(stateDir: string): void {
  rmSync(join(stateDir, FILE), { force: true });
}
