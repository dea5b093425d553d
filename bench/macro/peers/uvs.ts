/** This project's director. */
import { Director } from '../../../lab/director.js';
import type { Host } from '../../../lab/host.js';
import { packageVersion } from '../../../src/package.js';
import { childrenOf } from '../processes.js';
import { masqueradingRules, SCHEDULER } from '../rules.js';
import { Program } from '../../scale/program.js';
import type { Beside, Peer } from './peer.js';

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

/** With driver ring, while somebody looks at its metrics, its status page and `uvs top`. */
export const uvsWatched: Peer = {
  ...director('watched', 'uvs (ring), watched', ['--metrics', `${METRICS_PORT}`], watcher),
  onlyNamed: true,
};

async function watcher(host: Host): Promise<Beside> {
  const program = await Program.start(host, 'macro/programs/watcher.js', [`${METRICS_PORT}`]);
  return {
    begin: async () => {
      await program.ask('begin');
    },
    end: () => program.ask('end'),
  };
}

function director(
  id: string,
  title: string,
  options: readonly string[],
  besideOf?: (host: Host) => Promise<Beside>,
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
      const { pid } = director.daemon;
      // The data plane is a process of its own.
      const pids = [pid, ...childrenOf(pid)];
      const beside = await besideOf?.(host);
      return beside === undefined ? { pids } : { pids, beside };
    },
  };
}
