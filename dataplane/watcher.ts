/**
 * Somebody who wants to see every frame and what becomes of it (a trace). Told by the loop and by parking:
 *
 *     came -> (the engine decides, and rewrites the frame in place) -> decided
 *                                            PARK: ... later ... -> sentLate or droppedLate
 */
import type { FrameQueue } from './frame-queue.js';

export interface FrameWatcher {
  /** A frame as it was received; `length`, `port` and `offload` as in driver/driver.ts. */
  came(memory: Uint8Array, offset: number, length: number, port: number, offload: number): void;
  /** The verdict about it (verdict.ts). The frame stands where it was; `answers` are those of an ANSWER verdict. */
  decided(verdict: number, answers: FrameQueue): void;
  /** A frame that was parked is sent by this port. */
  sentLate(frame: Uint8Array, offload: number, port: number): void;
  /** A frame that was to be parked, or was parked, is dropped after all. */
  droppedLate(frame: Uint8Array, offload: number, reason: number): void;
}
