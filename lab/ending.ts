/** The end of a program that has a lab: whatever ends it, its exit takes the lab down. */

const STATUSES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Has these signals be an exit like any other. */
export function endOnSignals(): void {
  for (const [signal, status] of Object.entries(STATUSES)) {
    process.on(signal, () => process.exit(status));
  }
}
