/** This project's director, with one of its drivers. */
import { VIP } from '../../../lab/plan.js';
import { Director } from '../../../lab/director.js';
import { packageVersion } from '../../../src/package.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';

export function uvs(driver: string): Peer {
  return {
    id: `uvs-${driver}`,
    title: `uvs (${driver})`,
    kind: 'packets',
    balances: true,
    quick: true,
    commands: [],
    settings: `--driver ${driver}; scheduler rr, masquerading`,
    version: () => packageVersion(),
    start: async (host) => {
      const director = await Director.start(host, ['--driver', driver]);
      const rules = SERVICES.flatMap(({ port, servers }) => [
        `-A -t ${VIP}:${port} -s rr`,
        ...servers.map((server) => `-a -t ${VIP}:${port} -r ${server}:${port} -m`),
      ]);
      await director.adm('-R', { input: `${rules.join('\n')}\n` });
      return { pids: [director.daemon.pid] };
    },
  };
}
