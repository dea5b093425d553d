/** What was set up, undone in the reverse order; one step that fails doesn't keep the others from being done. */
import type { Log } from './log.js';

type Undo = () => void | Promise<void>;

/** What happens to a step where the next director is to find things as they are. */
type ForSuccessor = 'undo' | 'keep';

interface Step {
  name: string;
  undo: Undo;
  forSuccessor: ForSuccessor;
}

export class Teardown {
  private readonly steps: Step[] = [];

  constructor(private readonly log: Log) {}

  add(name: string, undo: Undo, forSuccessor: ForSuccessor = 'undo'): void {
    this.steps.push({ name, undo, forSuccessor });
  }

  /**
   * Undoes everything that hasn't been undone yet, but for what a successor is to find. Resolves to false where a
   * step failed.
   */
  async run({ forSuccessor = false } = {}): Promise<boolean> {
    let complete = true;
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      if (forSuccessor && step.forSuccessor === 'keep') continue;
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
