/**
 * How loaded a destination is, and how two loads per weight compare. Of the destinations that are equally
 * loaded the first in the list wins, which is the one added last.
 */
import { canTake } from './bound.js';
import type { Destinations } from './scheduler.js';

/** An active connection costs as much as this many inactive ones. */
const ACTIVE_COST = 256;
const HALF_BITS = 0x10000;

/** A destination's connections as one number, the active ones weighing 256 times the inactive ones. */
export function connectionOverhead(destinations: Destinations, destination: number): number {
  return (
    destinations.activeConnections(destination) * ACTIVE_COST +
    destinations.inactiveConnections(destination)
  );
}

/**
 * a * b > c * d exactly, for integers a, c below 2^36 and b, d below 2^31: the products don't fit into a
 * double, so they are compared in two parts.
 */
export function productExceeds(a: number, b: number, c: number, d: number): boolean {
  const left = a * b;
  const right = c * d;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left > right;
  const lowLeft = a * (b % HALF_BITS);
  const lowRight = c * (d % HALF_BITS);
  const highLeft = a * Math.floor(b / HALF_BITS) + Math.floor(lowLeft / HALF_BITS);
  const highRight = c * Math.floor(d / HALF_BITS) + Math.floor(lowRight / HALF_BITS);
  if (highLeft !== highRight) return highLeft > highRight;
  return lowLeft % HALF_BITS > lowRight % HALF_BITS;
}

/** What connections cost, by which servers are compared. */
export interface Cost {
  /** One active connection, one inactive one. */
  readonly active: number;
  readonly inactive: number;
  /** The new connection, on whichever server. */
  readonly own: number;
  /** The first server without an active connection is taken, whatever the others cost. */
  readonly idleFirst: boolean;
}

/** `connectionOverhead` as a Cost. */
export const OVERHEAD: Cost = { active: ACTIVE_COST, inactive: 1, own: 0, idleFirst: false };

/**
 * The service's destination with the least cost per weight, 0 if none can take a connection. A function, not a
 * method that schedulers inherit: V8 compiles one piece of code for all that use it, and that would have to find
 * out for each server anew whose it is (npm run bench:micro -- --only "choice by wlc").
 */
export function leastCostPerWeight(table: Destinations, service: number, cost: Cost): number {
  const { active, inactive, own, idleFirst } = cost;
  let least = 0;
  let leastCost = 0;
  let leastWeight = 0;
  for (let d = table.first(service); d !== 0; d = table.next(d)) {
    if (!canTake(table, d)) continue;
    const connections = table.activeConnections(d);
    if (idleFirst && connections === 0) return d;
    const weight = table.weight(d);
    const total = connections * active + table.inactiveConnections(d) * inactive + own;
    if (least !== 0 && !productExceeds(leastCost, weight, total, leastWeight)) continue;
    least = d;
    leastCost = total;
    leastWeight = weight;
  }
  return least;
}
