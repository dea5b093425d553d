/** What can be seen of a running director from outside, and where: counted, put together, served and written down. */
import type { Snapshot } from '../control/snapshot.js';
import { serveHttp, type HttpServer } from '../observe/http-server.js';
import { listenAddressText, type ListenAddress } from '../observe/listen-address.js';
import { removeLeftFiles } from '../observe/procfs/leftovers.js';
import { ProcfsWriter } from '../observe/procfs/writer.js';
import { routesOf } from '../observe/routes.js';
import { Observer } from '../observe/snapshot.js';
import { hostClock } from '../worker/host-clock.js';
import { readFootprint } from './footprint.js';
import { faultFields, type Log } from './log.js';
import type { Options } from './options.js';
import type { RemoteVirtualServer } from './remote-virtual-server.js';
import type { Supervision } from './supervision.js';

interface Subject {
  virtualServer: Pick<RemoteVirtualServer, 'state' | 'counters' | 'info' | 'services'>;
  supervision: Pick<Supervision, 'isServing'>;
}

export class Observation {
  private restarts = 0;
  private subject: Subject | null = null;
  private http: HttpServer | null = null;
  private files: ProcfsWriter | null = null;
  private readonly observer = new Observer({
    state: () => this.subject?.virtualServer.state ?? null,
    counters: async () => (await this.subject?.virtualServer.counters()) ?? null,
    clock: hostClock,
    dataPlane: () => ({
      isServing: this.subject?.supervision.isServing ?? false,
      restarts: this.restarts,
    }),
  });

  constructor(private readonly log: Log) {}

  /**
   * Serves metrics and status page, and keeps files, where that is wanted. Rejects with HttpServerError or what the
   * file system says.
   */
  async open(options: Pick<Options, 'metrics' | 'procfsDir' | 'stateDir'>): Promise<void> {
    const { metrics, procfsDir, stateDir } = options;
    if (metrics !== null) await this.serve(metrics);
    const left = readFootprint(stateDir)?.procfsDir ?? null;
    if (left !== null && left !== procfsDir) this.removeFiles(left);
    if (procfsDir !== null) this.keepFiles(procfsDir);
  }

  /** The data plane is there; what is asked for before is answered with "not yet". */
  watch(virtualServer: Subject['virtualServer'], supervision: Subject['supervision']): void {
    this.subject = { virtualServer, supervision };
  }

  snapshot(): Promise<Snapshot> {
    return this.observer.snapshot();
  }

  /** A process of the data plane has ended and is followed by another one. */
  noteRestart(): void {
    this.restarts++;
  }

  async close(): Promise<void> {
    await Promise.all([this.http?.close(), this.files?.stop()]);
  }

  /** As `close`, but files stay, for the next director to go on with. */
  async leave(): Promise<void> {
    this.files?.leave();
    await this.http?.close();
  }

  private async serve(address: ListenAddress): Promise<void> {
    const { log } = this;
    this.http = await serveHttp({
      address,
      routes: routesOf({
        observer: this.observer,
        state: () => this.subject?.virtualServer.state ?? null,
        clock: hostClock,
      }),
      onFault: (error) => log.error('a request over HTTP failed', faultFields(error)),
    });
    log.info('metrics and status page served', { address: listenAddressText(address) });
  }

  /** Those of a director that was killed, and kept them elsewhere: they would stay as they are for ever. */
  private removeFiles(directory: string): void {
    try {
      const files = removeLeftFiles(directory);
      if (files.length > 0) this.log.info('files of the last director here removed', { files });
    } catch (error) {
      const { message } = error as Error;
      this.log.warn('files of the last director here can not be removed', { reason: message });
    }
  }

  private keepFiles(directory: string): void {
    this.files = new ProcfsWriter({
      directory,
      tables: () => this.subject?.virtualServer ?? null,
      clock: hostClock,
      onFault: (error) =>
        this.log.error('files for readers of /proc/net/ip_vs are not written', {
          directory,
          reason: (error as Error).message,
        }),
    });
  }
}
