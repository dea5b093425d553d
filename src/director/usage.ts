/** Something the user has to put right before the director can start: exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What is wrong, collected so that all of it can be told at once. */
export class Problems {
  readonly lines: string[] = [];

  /** Does it, and takes note where it throws UsageError; returns undefined then. */
  attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.lines.push(...error.message.split('\n'));
      return undefined;
    }
  }

  /** Throws UsageError, a line for each problem, where there are any. */
  throwAny(): void {
    if (this.lines.length > 0) throw new UsageError(this.lines.join('\n'));
  }
}
