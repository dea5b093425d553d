/**
 * How long the lab waits for what should come soon. Where everything takes many times as long, as in an emulated
 * machine, UVS_LAB_PATIENCE says how many times.
 */
const FACTOR = Math.max(1, Number(process.env['UVS_LAB_PATIENCE']) || 1);

/** @param timeoutMs what an ordinary machine gets */
export function patient(timeoutMs: number): number {
  return timeoutMs * FACTOR;
}
