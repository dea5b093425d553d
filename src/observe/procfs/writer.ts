/**
 * Files as those of the ip_vs module in /proc/net, for programs that read them there and can be told another place:
 * node_exporter with --path.procfs, for one.
 *
 *     DIR/net/ip_vs          services and servers
 *     DIR/net/ip_vs_stats    counters and rates of the whole director
 *     DIR/net/ip_vs_conn     connections
 */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TOTAL_BLOCK } from '../../../dataplane/service/statistics.js';
import type { State } from '../../../dataplane/state.js';
import type { Control } from '../../control/api.js';
import { liveStatisticsOf } from '../../virtual-server/listings.js';
import { BEGINNINGS, connectionsFile, servicesFile, statisticsFile } from './formats.js';
import { KeptFile } from './kept-file.js';

const FOR_ALL_TO_ENTER = 0o755;

/** A virtual server whose tables can be looked at; null while there are none. */
interface Tables extends Pick<Control, 'info' | 'services'> {
  state: State | null;
}

export interface ProcfsWriterOptions {
  directory: string;
  /** What there is to be written down, null while there is nothing. */
  tables: () => Tables | null;
  /** The clock of the tables, in ticks. */
  clock: () => number;
  onFault: (error: unknown) => void;
}

export class ProcfsWriter {
  private readonly files: KeptFile[];

  /** Makes the folders and begins to write. Throws what the file system says. */
  constructor(options: ProcfsWriterOptions) {
    const { directory, tables, clock, onFault } = options;
    const folder = folderIn(directory);
    makeForAll(folder);
    const kept = (name: keyof typeof BEGINNINGS, content: Content): KeptFile =>
      new KeptFile({
        path: join(folder, name),
        content: () => {
          const listing = tables();
          const state = listing?.state ?? null;
          return listing === null || state === null ? null : content(listing, state);
        },
        onFault,
      });
    this.files = [
      kept('ip_vs', servicesOf),
      kept('ip_vs_stats', statisticsOf),
      kept('ip_vs_conn', (_, state) => connectionsFile(state, clock)),
    ];
    for (const file of this.files) file.start();
  }

  /** Removes the files. */
  async stop(): Promise<void> {
    await Promise.all(this.files.map((file) => file.stop()));
  }

  /** Leaves the files to the next director. */
  leave(): void {
    for (const file of this.files) file.leave();
  }
}

/** Where the files lie in the directory that was named. */
export function folderIn(directory: string): string {
  return join(directory, 'net');
}

/** Makes a folder and those above it that aren't there yet, whatever the process' umask says. */
function makeForAll(folder: string): void {
  if (existsSync(folder)) return;
  makeForAll(dirname(folder));
  mkdirSync(folder);
  chmodSync(folder, FOR_ALL_TO_ENTER);
}

type Content = (listing: Tables, state: State) => AsyncIterable<string>;

async function* servicesOf(listing: Tables): AsyncGenerator<string> {
  yield* servicesFile(await listing.info(), await listing.services());
}

async function* statisticsOf(_: Tables, state: State): AsyncGenerator<string> {
  yield statisticsFile(liveStatisticsOf(state, TOTAL_BLOCK));
}
