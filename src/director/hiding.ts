/** What is hidden from the kernel: kept in line with what the data plane wants, on the interfaces there are. */
import type { FilterPrecision } from '../../dataplane/sys/filter.js';
import { Interception } from '../../dataplane/sys/interception.js';
import type { KnownPort } from '../../dataplane/sys/interfaces.js';
import { setMasquerade } from '../../dataplane/sys/masquerade.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import type { FromWorker } from '../worker/messages.js';
import { InterceptSync, type HiddenChange } from './intercept-sync.js';
import type { Log } from './log.js';
import { networkFromText } from './networks.js';
import { WantedMirror } from './wanted-mirror.js';

/** Name of our tables, and how the names of all tables of ours begin. */
export const TABLE_NAME = 'uvs';

export interface HidingOptions {
  log: Log;
  interfaces: readonly KnownPort[];
  /** Networks whose own traffic leaves under the director's address. */
  masquerade: readonly string[];
  /** Has the ports' sockets receive what concerns these endpoints; returns how exactly. */
  setFilter: (endpoints: Endpoints) => FilterPrecision;
}

export class Hiding {
  /** For whoever makes changes that have to be hidden before. */
  readonly sync: InterceptSync;
  private readonly wanted = new WantedMirror();
  private readonly log: Log;
  private interfaces: readonly KnownPort[];
  private interception: Interception | null = null;
  /** How exactly the sockets' filter tells packets apart; null before the first one. */
  private filter: FilterPrecision | null = null;

  constructor(private readonly options: HidingOptions) {
    this.log = options.log;
    this.interfaces = options.interfaces;
    this.sync = new InterceptSync({
      wanted: () => this.wanted,
      apply: (change) => this.hide(change),
      log: this.log,
    });
  }

  /** Puts interception in place. Throws SysError. */
  async begin(): Promise<void> {
    this.interception = Interception.open({
      tableName: TABLE_NAME,
      interfaces: this.interfaces,
      onTampering: (description) => this.tamperedWith(description),
      onFailure: (error) => this.warn(error),
    });
    await this.sync.settle();
    this.masquerade();
  }

  /** The data plane wants just these hidden. */
  wantAll(all: Endpoints): void {
    this.wanted.replace(all);
    this.settle('all');
  }

  wantChanges(changes: Extract<FromWorker, { type: 'endpoint' }>['changes']): void {
    this.settle(this.wanted.change(changes));
  }

  /** Hides nothing while the packets are released to the kernel. */
  release(isReleased: boolean): void {
    this.wanted.release(isReleased);
    this.settle('all');
  }

  /** These interfaces are in use, where they exist. */
  setInterfaces(interfaces: readonly KnownPort[]): void {
    this.interfaces = interfaces;
    this.orWarn(() => this.interception?.setInterfaces(interfaces));
  }

  /** Looks after it no longer; it stays in place. */
  close(): void {
    this.interception?.close();
    this.interception = null;
  }

  private settle(touched: Endpoints | 'all'): void {
    this.sync.touch(touched);
    if (this.interception !== null) void this.sync.settleOrWarn();
  }

  private masquerade(): void {
    setMasquerade(TABLE_NAME, this.options.masquerade.map(networkFromText));
  }

  /** The sockets receive what is hidden, and also for the moment in which that changes. */
  private hide({ added, removed, all, isWhole }: HiddenChange): void {
    // The coarsest filter has nothing to learn from more endpoints.
    if (isWhole || this.filter !== 'tcp') {
      this.filter = this.options.setFilter(union(all(), removed));
    }
    if (isWhole) this.interception?.update(all());
    else this.interception?.change(added, removed);
    if (count(removed) > 0) this.filter = this.options.setFilter(all());
    const counts = { added: count(added), removed: count(removed) };
    this.log.debug('interception', { ...counts, filter: this.filter });
  }

  /** Whoever flushed the rule set has flushed masquerading as well. */
  private tamperedWith(description: string): void {
    this.log.warn('interception was tampered with', { description });
    this.orWarn(() => this.masquerade());
  }

  private orWarn(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.warn(error as Error);
    }
  }

  private warn(error: Error): void {
    this.log.error('interception not in line', { reason: error.message });
  }
}

function union(a: Endpoints, b: Endpoints): Endpoints {
  return { virtual: [...a.virtual, ...b.virtual], real: [...a.real, ...b.real] };
}

function count({ virtual, real }: Endpoints): number {
  return virtual.length + real.length;
}
