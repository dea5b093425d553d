/** No director: no connections to look for, so what changes with their number is the clients' doing. */
import { release } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScalePeer } from './peer.js';

const SETTLE_MS = 20;

export const routing: ScalePeer = {
  id: 'routing',
  title: 'plain routing',
  balances: false,
  quick: true,
  group: 0,
  settings: 'ip_forward=1; clients to the server',
  missing: () => null,
  version: () => release(),
  start: () =>
    Promise.resolve({
      pids: () => [],
      connections: () => Promise.resolve(0),
      memory: () => ({}),
      list: null,
      dataPlane: () => null,
      recover: () => Promise.resolve(),
      settle: () => pause(SETTLE_MS),
      setTimeout: () => Promise.resolve(),
      end: () => undefined,
    }),
};
