/**
 * A running director: everything is set up in this order and undone in the reverse one.
 *
 *     locks -> host's network, engine -> rules -> kernel settings -> driver -> interception -> packets -> control
 */
import { Interception } from '../../dataplane/sys/interception.js';
import { prepareLoopback } from '../../dataplane/sys/handback.js';
import type { FilterPrecision } from '../../dataplane/sys/filter.js';
import { setMasquerade } from '../../dataplane/sys/masquerade.js';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { Sysctls } from '../../dataplane/sys/sysctl.js';
import { serveControl } from '../control/server.js';
import { DataPlane } from '../worker/data-plane.js';
import { DirectorControl, warnUnlessLocal } from './director-control.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import { readFootprint, removeFootprint, writeFootprint } from './footprint.js';
import { InterceptSync, type HiddenChange } from './intercept-sync.js';
import { lockStateDirectory } from './lock.js';
import type { Log } from './log.js';
import { lockNetwork } from './network-lock.js';
import { networkFromText } from './networks.js';
import type { Options } from './options.js';
import { loadRules } from './rules.js';
import { Teardown } from './teardown.js';

/** Name of our tables, and how the names of all tables of ours begin. */
export const TABLE_NAME = 'uvs';

export class Director {
  private readonly teardown: Teardown;
  private dataPlane!: DataPlane;
  private interception!: Interception;
  private sync: InterceptSync | null = null;
  /** How exactly the driver's filter tells packets apart; null before the first one. */
  private filter: FilterPrecision | null = null;

  private constructor(
    private readonly options: Options,
    private readonly log: Log,
  ) {
    this.teardown = new Teardown(log);
  }

  /** Resolves when packets flow. Where it rejects nothing is left behind. */
  static async start(options: Options, log: Log): Promise<Director> {
    const director = new Director(options, log);
    try {
      await director.start();
      return director;
    } catch (error) {
      await director.teardown.run();
      throw error;
    }
  }

  /** Resolves to false where something could not be undone. */
  async stop(): Promise<boolean> {
    this.logCounters();
    this.sync = null;
    return this.teardown.run();
  }

  private async start(): Promise<void> {
    await this.lock();
    this.openNetwork();
    await this.configure();
    this.changeKernelSettings();
    this.dataPlane.openDriver();
    await this.intercept();
    this.dataPlane.start();
    this.teardown.add('packets', () => this.dataPlane.stop());
    const control = await this.serve();
    this.log.info('ready', {
      interfaces: this.dataPlane.interfaceNames,
      services: (await control.services()).length,
      socket: this.options.socket,
      pid: process.pid,
    });
  }

  private async lock(): Promise<void> {
    const stateLock = lockStateDirectory(this.options.stateDir);
    this.teardown.add('state directory', () => stateLock.release());
    const networkLock = await lockNetwork();
    this.teardown.add('network lock', () => networkLock.release());
  }

  private openNetwork(): void {
    const { interfaces, maxConnections } = this.options;
    this.dataPlane = new DataPlane({
      interfaces,
      maxConnections,
      onEndpointsChanged: (touched) => {
        this.sync?.touch(touched);
        void this.sync?.settleOrWarn();
      },
      onHostChange: (description) => this.log.info('host network changed', { description }),
      onInterfacesChanged: () => this.interceptAnew(),
    });
    this.teardown.add('data plane', () => this.dataPlane.close());
  }

  private async configure(): Promise<void> {
    const { virtualServer } = this.dataPlane;
    for (const [name, value] of Object.entries(this.options.settings)) {
      await virtualServer.setSetting(name, value);
    }
    if (this.options.rules === null) return;
    await loadRules(this.options.rules, virtualServer);
    const services = await virtualServer.services();
    this.log.info('rules loaded', { file: this.options.rules, services: services.length });
    warnUnlessLocal(services, (address) => virtualServer.routes.isLocal(address), this.log);
  }

  private changeKernelSettings(): void {
    const { stateDir, socket } = this.options;
    const left = readFootprint(stateDir);
    if (left !== null) this.log.warn('the last director here was killed, taking over from it');
    const sysctls = new Sysctls(left?.sysctls);
    this.teardown.add('kernel settings', () => {
      sysctls.restore();
      removeFootprint(stateDir);
    });
    try {
      sysctls.set('net.ipv4.ip_forward', '1');
      prepareLoopback(sysctls);
    } finally {
      writeFootprint(stateDir, { sysctls: sysctls.changes(), socket });
    }
    const changed = Object.entries(sysctls.changes()).map(([name, value]) => `${name}:${value}`);
    if (changed.length > 0) this.log.info('kernel settings changed', { before: changed });
  }

  private async intercept(): Promise<void> {
    const interfaces = this.dataPlane.interfaceNames;
    this.interception = Interception.open({
      tableName: TABLE_NAME,
      interfaces,
      onTampering: (description) => this.tamperedWith(description),
    });
    this.teardown.add('interception', () => {
      this.interception.close();
      removeTables(TABLE_NAME);
    });
    this.sync = new InterceptSync({
      wanted: () => this.dataPlane.virtualServer.interceptedEndpoints,
      apply: (change) => this.hide(change),
      log: this.log,
    });
    await this.sync.settle();
    this.masquerade();
  }

  private masquerade(): void {
    setMasquerade(TABLE_NAME, this.options.masquerade.map(networkFromText));
  }

  /** The driver receives what is hidden, and also for the moment in which that changes. */
  private hide({ added, removed, all, isWhole }: HiddenChange): void {
    // The coarsest filter has nothing to learn from more endpoints.
    if (isWhole || this.filter !== 'tcp') {
      this.filter = this.dataPlane.setFilter(union(all(), removed));
    }
    if (isWhole) this.interception.update(all());
    else this.interception.change(added, removed);
    if (count(removed) > 0) this.filter = this.dataPlane.setFilter(all());
    const counts = { added: count(added), removed: count(removed) };
    this.log.debug('interception', { ...counts, filter: this.filter });
  }

  private interceptAnew(): void {
    this.orWarn(() => this.interception.setInterfaces(this.dataPlane.interfaceNames));
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
      this.log.error('interception not in line', { reason: (error as Error).message });
    }
  }

  private async serve(): Promise<DirectorControl> {
    const { virtualServer } = this.dataPlane;
    if (this.sync === null) throw new Error('control before interception');
    const control = new DirectorControl({
      inner: virtualServer,
      interception: this.sync,
      isLocal: (address) => virtualServer.routes.isLocal(address),
      log: this.log,
    });
    const server = await serveControl({
      path: this.options.socket,
      control,
      onFault: (error) =>
        this.log.error('a request failed', {
          reason: (error as Error).message,
          stack: (error as Error).stack,
        }),
    });
    this.teardown.add('control socket', () => server.close());
    return control;
  }

  private logCounters(): void {
    for (const { name, stats } of this.dataPlane.portStats()) {
      this.log.info('interface counters', { interface: name, ...stats });
    }
  }
}

function union(a: Endpoints, b: Endpoints): Endpoints {
  return { virtual: [...a.virtual, ...b.virtual], real: [...a.real, ...b.real] };
}

function count({ virtual, real }: Endpoints): number {
  return virtual.length + real.length;
}
