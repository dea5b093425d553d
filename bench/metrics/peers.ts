/** One director with many servers and connections, twice: one that nobody looks at, and one that is scraped. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Director } from '../../lab/director.js';
import { LabError } from '../../lab/errors.js';
import type { Host } from '../../lab/host.js';
import { connect } from '../../src/control/client.js';
import { tablesPlace } from '../../src/director/state-directory.js';
import { packageVersion } from '../../src/package.js';
import type { Beside, Peer } from '../macro/peers/peer.js';
import { childrenOf } from '../macro/processes.js';
import { masqueradingRules } from '../macro/rules.js';
import { Program } from '../scale/program.js';
import { fillTables, type Size } from './tables.js';

const METRICS_PORT = 9110;
const OWNER_ONLY_DIRECTORY = 0o700;
const QUIET = 'quiet';

export function quietAndScraped(size: Size): Peer[] {
  return [
    peer(QUIET, 'nobody looks', size, () => Promise.resolve(undefined)),
    peer('scraped', 'scraped every second', size, scraper),
  ];
}

function peer(
  id: string,
  title: string,
  size: Size,
  besideOf: (host: Host) => Promise<Beside | undefined>,
): Peer {
  const { servers, connections } = size;
  return {
    id,
    title,
    kind: 'packets',
    balances: true,
    quick: true,
    commands: [],
    settings: `--driver ring --metrics ${METRICS_PORT}; ${servers} servers, ${connections} connections`,
    loadLike: QUIET,
    version: () => packageVersion(),
    start: async (host) => {
      const state = join(host.folder, 'state');
      mkdirSync(state, { mode: OWNER_ONLY_DIRECTORY });
      await fillTables(tablesPlace(state).directory, size);
      const director = await Director.start(host, ['--metrics', String(METRICS_PORT)]);
      await director.adm('-R', { input: masqueradingRules() });
      await requireConnections(host, connections);
      const { pid } = director.daemon;
      const beside = await besideOf(host);
      const pids = [pid, ...childrenOf(pid)];
      return { pids, ...(beside === undefined ? {} : { beside }) };
    },
  };
}

/** Fails where the director has not taken over what was to be there. */
async function requireConnections(host: Host, count: number): Promise<void> {
  const control = await connect(host.controlSocket);
  const { used } = (await control.counters()).connections;
  control.close();
  if (used < count) throw new LabError(`the director has ${used} of ${count} connections`);
}

async function scraper(host: Host): Promise<Beside> {
  const words = [String(METRICS_PORT)];
  // In a session of its own, which can go last.
  const program = await Program.start(host, 'metrics/programs/scraper.js', words, ['setsid']);
  return {
    begin: async () => {
      await program.ask('begin');
    },
    end: () => program.ask('end'),
  };
}
