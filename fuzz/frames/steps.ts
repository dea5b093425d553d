/**
 * A session: what happens to a director one after the other, as bytes. Any bytes are a session.
 *
 *     frame      kind 0..3  port, offload  length (2)   bytes
 *     long frame kind 4     port, offload  length (2)   bytes (2: how many, zeros follow up to the length)
 *     time       kind 5     how much
 *     command    kind 6     which          argument
 *     host       kind 7     what changes
 *
 * A step that is cut off at the end is as long as what there is.
 */
export const FRAME = 0;
export const LONG_FRAME = 4;
export const TIME = 5;
export const COMMAND = 6;
export const HOST = 7;
export const KINDS = 8;

export const FRAME_HEADER_BYTES = 4;
export const LONG_FRAME_HEADER_BYTES = 6;
const SHORT_STEP_BYTES = { [TIME]: 2, [COMMAND]: 3, [HOST]: 2 } as Record<number, number>;

/** Bytes of the step that begins at `at`. */
export function stepBytes(session: Uint8Array, at: number): number {
  const kind = session[at] % KINDS;
  let length = SHORT_STEP_BYTES[kind];
  if (kind < LONG_FRAME) {
    length = FRAME_HEADER_BYTES + (session[at + 2] | (session[at + 3] << 8));
  } else if (kind === LONG_FRAME) {
    length = LONG_FRAME_HEADER_BYTES + (session[at + 4] | (session[at + 5] << 8));
  }
  return Math.min(length, session.length - at);
}

export function frameStep(port: number, offload: number, frame: Uint8Array): Uint8Array {
  const step = new Uint8Array(FRAME_HEADER_BYTES + frame.length);
  step[0] = FRAME;
  step[1] = port | (offload << 1);
  step[2] = frame.length;
  step[3] = frame.length >> 8;
  step.set(frame, FRAME_HEADER_BYTES);
  return step;
}

export function joinSteps(steps: readonly Uint8Array[]): Uint8Array {
  const length = steps.reduce((sum, step) => sum + step.length, 0);
  const session = new Uint8Array(length);
  let at = 0;
  for (const step of steps) {
    session.set(step, at);
    at += step.length;
  }
  return session;
}

export function stepsOf(session: Uint8Array): Uint8Array[] {
  const steps: Uint8Array[] = [];
  for (let at = 0; at < session.length;) {
    const length = stepBytes(session, at);
    steps.push(session.subarray(at, at + length));
    at += length;
  }
  return steps;
}
