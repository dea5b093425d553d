/** nginx as a TCP proxy, one worker. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../../lab/errors.js';
import { VIP } from '../../../lab/plan.js';
import { childrenOf } from '../processes.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';
import { versionOf } from './version.js';

const MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const nginxStream: Peer = {
  id: 'nginx',
  title: 'nginx stream',
  kind: 'proxy',
  balances: true,
  quick: false,
  commands: ['nginx'],
  settings: 'stream, worker_processes 1, round robin',
  version: () => versionOf('nginx', '-v'),
  start: async (host) => {
    if (!existsSync(MODULE)) {
      throw new LabError(
        `nginx has no stream module; try apt-get install --no-install-recommends libnginx-mod-stream`,
      );
    }
    const base = join(host.folder, 'stream');
    writeFileSync(`${base}.conf`, configuration(base));
    const daemon = host.daemon('stream', 'nginx', ['-e', 'stderr', '-c', `${base}.conf`]);
    for (const { port } of SERVICES) await daemon.listening(port);
    return { pids: [daemon.pid, ...childrenOf(daemon.pid)] };
  },
};

function configuration(base: string): string {
  const sections = SERVICES.map(({ port, servers }) => {
    const lines = servers.map((server) => `server ${server}:${port};`).join(' ');
    return `  upstream port${port} { ${lines} }
  server { listen ${VIP}:${port} backlog=4096; proxy_pass port${port}; }`;
  });
  return `load_module ${MODULE};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${base}.pid;
events { worker_connections 32768; }
stream {
  access_log off;
  proxy_timeout 300s;
${sections.join('\n')}
}
`;
}
