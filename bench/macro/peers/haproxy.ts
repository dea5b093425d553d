/** HAProxy as a TCP proxy, one thread. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VIP } from '../../../lab/plan.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';
import { versionOf } from './version.js';

export const haproxy: Peer = {
  id: 'haproxy',
  title: 'HAProxy',
  kind: 'proxy',
  balances: true,
  quick: true,
  commands: ['haproxy'],
  settings: 'mode tcp, nbthread 1, balance roundrobin',
  version: () => versionOf('haproxy', '-v'),
  start: async (host) => {
    const file = join(host.folder, 'haproxy.cfg');
    writeFileSync(file, configuration());
    const daemon = host.daemon('haproxy', 'haproxy', ['-db', '-f', file]);
    for (const { port } of SERVICES) await daemon.listening(port);
    return { pids: [daemon.pid] };
  },
};

function configuration(): string {
  const sections = SERVICES.map(({ port, servers }) => {
    const lines = servers.map((server, i) => `  server s${i} ${server}:${port}`);
    return `listen port${port}\n  bind ${VIP}:${port} backlog 4096\n${lines.join('\n')}\n`;
  });
  return `global
  nbthread 1
  maxconn 8000
defaults
  mode tcp
  balance roundrobin
  timeout connect 5s
  timeout client 300s
  timeout server 300s
${sections.join('')}`;
}
