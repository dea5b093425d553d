/** This project's director, with one of its drivers. */
import { VIP } from '../../../lab/plan.js';
import { Director } from '../../../lab/director.js';
import { packageVersion } from '../../../src/package.js';
import { childrenOf } from '../processes.js';
import { SERVICES } from '../services.js';
import type { Peer } from './peer.js';

/** @param options further ones of uvsd */
export function uvs(driver: string, options: readonly string[] = []): Peer {
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
      const director = await Director.start(host, ['--driver', driver, ...options]);
      const rules = SERVICES.flatMap(({ port, servers }) => [
        `-A -t ${VIP}:${port} -s rr`,
        ...servers.map((server) => `-a -t ${VIP}:${port} -r ${server}:${port} -m`),
      ]);
      await director.adm('-R', { input: `${rules.join('\n')}\n` });
      const { pid } = director.daemon;
      // The data plane is a process of its own.
      return { pids: [pid, ...childrenOf(pid)] };
    },
  };
}
