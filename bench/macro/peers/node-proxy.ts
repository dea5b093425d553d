/** What one writes in an afternoon: a TCP proxy of Node's own sockets. */
import { join } from 'node:path';
import { packageRoot } from '../../../src/package.js';
import { VIP } from '../../../lab/plan.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';

const PROGRAM = join(packageRoot(), 'dist', 'bench', 'macro', 'programs', 'proxy.js');

export const nodeProxy: Peer = {
  id: 'node',
  title: 'Node net proxy',
  kind: 'proxy',
  balances: true,
  quick: false,
  commands: [],
  settings: 'socket.pipe(), round robin',
  version: () => process.version,
  start: async (host) => {
    const services = SERVICES.map(({ port, servers }) => `${port}=${servers.join(',')}`);
    const daemon = host.daemon('proxy', process.execPath, [PROGRAM, VIP, ...services]);
    for (const { port } of SERVICES) await daemon.listening(port);
    return { pids: [daemon.pid] };
  },
};
