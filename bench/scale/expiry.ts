/**
 * All connections of a director time out one after the other, as fast as they can be made to: each has had one more
 * packet, and none after it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from '../../lab/errors.js';
import { hostTime } from '../macro/processes.js';
import type { Stage } from './stage.js';

export interface Expiry {
  /** Processor time of the whole machine, less what it took before without expiry; of the director's processes. */
  readonly machineMs: number;
  readonly directorMs: number;
  /** From the moment when the last one was due until it was gone. */
  readonly lagMs: number;
}

/** Between the last packet and the first connection's end, while the machine is looked at as it is without. */
const QUIET_SECONDS = 3;
const POLL_MS = 100;
const ATTEMPTS = 4;
const PATIENCE_MS = 60_000;
/** Of the packets; connections whose packet was lost live on. */
const LOST_MAX = 0.01;
/** Of the connections, for clients that came and went meanwhile. */
const LEFT_MAX = 0.001;

/** @param rate packets a second that the director forwards without loss, so it seems */
export async function expire(stage: Stage, rate: number): Promise<Expiry> {
  const others = Math.max(0, (await stage.running.connections()) - stage.live);
  const { firstDueMs, lastDueMs, lost } = await touchAll(stage, rate);
  const idle = await busyShareUntil(firstDueMs);
  const fromMs = performance.now();
  const busyBefore = busyMs();
  const directorBefore = stage.directorMs();
  await gone(stage, others + lost + stage.live * LEFT_MAX, lastDueMs + PATIENCE_MS);
  const toMs = performance.now();
  return {
    machineMs: Math.max(0, busyMs() - busyBefore - idle * (toMs - fromMs)),
    directorMs: stage.directorMs() - directorBefore,
    lagMs: toMs - lastDueMs,
  };
}

/** One more packet for each, again and more slowly while some are lost; resolves to when connections are due then. */
async function touchAll(
  stage: Stage,
  rate: number,
): Promise<{ firstDueMs: number; lastDueMs: number; lost: number }> {
  for (let attempt = 1; ; attempt++) {
    // So long that none is gone before it was touched again.
    const seconds = 2 * Math.ceil((stage.live / rate) * attempt) + QUIET_SECONDS;
    await stage.running.setTimeout(seconds);
    const beginMs = performance.now();
    const { sent, delivered } = await stage.touch(rate / attempt);
    const endMs = performance.now();
    const lost = sent - delivered;
    if (lost <= sent * LOST_MAX) {
      return { firstDueMs: beginMs + seconds * 1000, lastDueMs: endMs + seconds * 1000, lost };
    }
    if (attempt < ATTEMPTS) continue;
    throw new LabError(`${stage.peer.title} forwards ${delivered} of ${sent} packets`);
  }
}

/** Processors that were busy until then, on average. */
async function busyShareUntil(endMs: number): Promise<number> {
  const beginMs = performance.now();
  const before = busyMs();
  await pause(Math.max(0, endMs - beginMs));
  return (busyMs() - before) / (performance.now() - beginMs);
}

/** Resolves when no more than so many connections are left. */
async function gone(stage: Stage, leftMax: number, deadlineMs: number): Promise<void> {
  for (;;) {
    const left = await stage.running.connections();
    if (left <= leftMax) return;
    if (performance.now() > deadlineMs) {
      throw new LabError(`${stage.peer.title} still has ${left} of ${stage.live} connections`);
    }
    await pause(POLL_MS);
  }
}

function busyMs(): number {
  const { userMs, systemMs, interruptMs } = hostTime();
  return userMs + systemMs + interruptMs;
}
