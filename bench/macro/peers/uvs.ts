/** This project's director. */
import { Director } from '../../../lab/director.js';
import { packageVersion } from '../../../src/package.js';
import { childrenOf } from '../processes.js';
import { masqueradingRules, SCHEDULER } from '../rules.js';
import type { Peer } from './peer.js';

/**
 * With one of its drivers.
 * @param options further ones of uvsd
 */
export function uvs(driver: string, options: readonly string[] = []): Peer {
  return director(`uvs-${driver}`, `uvs (${driver})`, ['--driver', driver, ...options]);
}

/** With the kernel forwarding busy connections by itself. */
export const uvsFastPath = director('uvs-fast', 'uvs (fast path)', ['--fast-path', 'on']);

function director(id: string, title: string, options: readonly string[]): Peer {
  return {
    id,
    title,
    kind: 'packets',
    balances: true,
    quick: true,
    commands: [],
    settings: `${options.join(' ')}; scheduler ${SCHEDULER}, masquerading`,
    version: () => packageVersion(),
    start: async (host) => {
      const director = await Director.start(host, [...options]);
      await director.adm('-R', { input: masqueradingRules() });
      const { pid } = director.daemon;
      // The data plane is a process of its own.
      return { pids: [pid, ...childrenOf(pid)] };
    },
  };
}
