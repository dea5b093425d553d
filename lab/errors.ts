/** Something a user of the lab can do something about: shown as one line, without a stack. */
export class LabError extends Error {
  override name = 'LabError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
