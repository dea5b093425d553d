/** All axes, in the order in which they are measured and shown. */
import type { Axis } from './axis.js';
import { bulk } from './bulk.js';
import { latency } from './latency.js';
import { packets } from './packets.js';
import { connections, requests } from './web.js';

export const AXES: readonly Axis[] = [requests, connections, ...bulk, packets, ...latency];
