/**
 * The data plane's time: ticks of 10 ms (as a kernel with HZ=100 counts jiffies), handed in by whoever
 * runs the engine. A tick count is an int32 that wraps after 497 days, so it is never compared with `<`
 * but through `ticksUntil`. int32 keeps it an immediate value in V8: a millisecond count as a double would
 * be allocated whenever it crosses a function that isn't inlined.
 */
export const TICKS_PER_SECOND = 100;
export const MS_PER_TICK = 10;
/** The longest timeout there is: 31 days, ipvsadm's limit. Twice that and more is within an int32's reach. */
export const TIMEOUT_MAX_SECONDS = 31 * 24 * 60 * 60;
export const TIMEOUT_MAX_TICKS = TIMEOUT_MAX_SECONDS * TICKS_PER_SECOND;

/** Signed distance in ticks from `now` to `deadline`; negative once the deadline has passed. */
export function ticksUntil(deadline: number, now: number): number {
  return (deadline - now) | 0;
}

/** Seconds (a user's unit, at most 31 days) as ticks. */
export function secondsToTicks(seconds: number): number {
  return seconds * TICKS_PER_SECOND;
}

/** Milliseconds since any origin as a wrapping tick count. */
export function msToTicks(ms: number): number {
  return Math.floor(ms / MS_PER_TICK) | 0;
}
