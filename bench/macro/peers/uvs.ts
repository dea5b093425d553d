/** This project's director, with one of its drivers. */
import { Director } from '../../../lab/director.js';
import { packageVersion } from '../../../src/package.js';
import { childrenOf } from '../processes.js';
import { masqueradingRules, SCHEDULER } from '../rules.js';
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
    settings: `--driver ${driver}; scheduler ${SCHEDULER}, masquerading`,
    version: () => packageVersion(),
    start: async (host) => {
      const director = await Director.start(host, ['--driver', driver, ...options]);
      await director.adm('-R', { input: masqueradingRules() });
      const { pid } = director.daemon;
      // The data plane is a process of its own.
      return { pids: [pid, ...childrenOf(pid)] };
    },
  };
}
