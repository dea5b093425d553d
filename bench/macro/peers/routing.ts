/** No director at all: the client talks to a server, the host in between routes. The limit of everything. */
import { release } from 'node:os';
import type { Peer } from './peer.js';

export const routing: Peer = {
  id: 'routing',
  title: 'plain routing',
  kind: 'packets',
  balances: false,
  quick: true,
  commands: [],
  settings: 'ip_forward=1; client to server1',
  version: () => release(),
  start: () => Promise.resolve({ pids: [] }),
};
