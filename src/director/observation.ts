/** What can be seen of a running director from outside, and where: counted, put together and served over HTTP. */
import type { Snapshot } from '../control/snapshot.js';
import { serveHttp, type HttpServer } from '../observe/http-server.js';
import { listenAddressText, type ListenAddress } from '../observe/listen-address.js';
import { routesOf } from '../observe/routes.js';
import { Observer } from '../observe/snapshot.js';
import { hostClock } from '../worker/host-clock.js';
import { faultFields, type Log } from './log.js';
import type { RemoteVirtualServer } from './remote-virtual-server.js';
import type { Supervision } from './supervision.js';

interface Subject {
  virtualServer: Pick<RemoteVirtualServer, 'state' | 'counters'>;
  supervision: Pick<Supervision, 'isServing'>;
}

export class Observation {
  private restarts = 0;
  private subject: Subject | null = null;
  private http: HttpServer | null = null;
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

  /** The data plane is there; what is asked for before is answered with "not yet". */
  watch(virtualServer: Subject['virtualServer'], supervision: Subject['supervision']): void {
    this.subject = { virtualServer, supervision };
  }

  /** Serves metrics and status page. Rejects with HttpServerError. */
  async serve(address: ListenAddress): Promise<void> {
    const { log } = this;
    this.http = await serveHttp({
      address,
      routes: routesOf({ observer: this.observer }),
      onFault: (error) => log.error('a request over HTTP failed', faultFields(error)),
    });
    log.info('metrics served', { address: listenAddressText(address) });
  }

  async close(): Promise<void> {
    await this.http?.close();
  }

  snapshot(): Promise<Snapshot> {
    return this.observer.snapshot();
  }

  /** A process of the data plane has ended and is followed by another one. */
  noteRestart(): void {
    this.restarts++;
  }
}
