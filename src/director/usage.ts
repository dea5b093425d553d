/** Something the user has to put right before the director can start: exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}
