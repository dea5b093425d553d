/** This project's director. */
import { join } from 'node:path';
import { Director } from '../../../lab/director.js';
import type { Host } from '../../../lab/host.js';
import { packageRoot, packageVersion } from '../../../src/package.js';
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

const METRICS_PORT = 9110;
const WATCHER = join(packageRoot(), 'dist', 'bench', 'macro', 'programs', 'watcher.js');

/** With driver ring, while somebody looks at its metrics, its status page and `uvs top`. */
export const uvsWatched: Peer = {
  ...director('watched', 'uvs (ring), watched', ['--metrics', `${METRICS_PORT}`], async (host) => {
    const watcher = host.daemon('watcher', process.execPath, [WATCHER, `${METRICS_PORT}`]);
    await watcher.logged(/watching/);
  }),
  onlyNamed: true,
};

function director(
  id: string,
  title: string,
  options: readonly string[],
  whenReady: (host: Host) => Promise<void> = async () => {},
): Peer {
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
      await whenReady(host);
      const { pid } = director.daemon;
      // The data plane is a process of its own.
      return { pids: [pid, ...childrenOf(pid)] };
    },
  };
}
