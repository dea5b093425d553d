/** What was set up, undone in the reverse order; one step that fails doesn't keep the others from being done. */
import type { Log } from './log.js';

type Undo = () => void | Promise<void>;

export class Teardown {
  private readonly steps: { name: string; undo: Undo }[] = [];

  constructor(private readonly log: Log) {}

  add(name: string, undo: Undo): void {
    this.steps.push({ name, undo });
  }

  /** Undoes everything that hasn't been undone yet. Resolves to false where a step failed. */
  async run(): Promise<boolean> {
    let complete = true;
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        complete = false;
        this.log.error('could not undo', { step: step.name, reason: (error as Error).message });
      }
    }
    return complete;
  }
}
