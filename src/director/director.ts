/**
 * A running director: the process that is asked and told, and that looks after the data plane. Everything is set
 * up in this order and undone in the reverse one.
 *
 *     locks -> ports' sockets -> data plane (open) -> rules -> kernel settings -> interception -> packets -> control
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadPcap } from '../../dataplane/driver/pcap/addons.js';
import { findPorts } from '../../dataplane/sys/host.js';
import { removeTables as removeNftTables } from '../../dataplane/sys/nftables.js';
import { peerOf } from '../../dataplane/sys/unix-socket.js';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { packageVersion } from '../package.js';
import { serveControl, type ControlServer } from '../control/server.js';
import { tablesIdentity, viewTables } from '../virtual-server/tables.js';
import { hostClock } from '../worker/host-clock.js';
import { endOrphan } from '../worker/owner.js';
import { presentDataPlane } from '../worker/presence.js';
import type { OpenReport } from '../worker/messages.js';
import { callerFields } from './caller.js';
import { DirectorControl } from './director-control.js';
import { detachLeftPrograms, openFastPath, type FastPathHolder } from './fast-path.js';
import { readFootprint } from './footprint.js';
import { Hiding, TABLE_NAME } from './hiding.js';
import { changeKernelSettings } from './kernel-settings.js';
import { lockStateDirectory } from './lock.js';
import { faultFields, type Log } from './log.js';
import { lockNetwork } from './network-lock.js';
import { Observation } from './observation.js';
import type { Options } from './options.js';
import type { Health } from './notify.js';
import { logOverload } from './overload-log.js';
import { PortHolder } from './port-holder.js';
import { reloadRules } from './reload.js';
import { RemoteVirtualServer } from './remote-virtual-server.js';
import type { Wanted } from '../rules/wanted.js';
import { makeSo, readWanted } from './rules.js';
import { RulesKeeper } from './rules-keeper.js';
import { removeTables, tablesPlace } from './state-directory.js';
import { Supervision, type WorkerNews } from './supervision.js';
import { Teardown } from './teardown.js';
import { becomeSuccessor, checkSuccessor } from './upgrade.js';
import { VipWatch } from './vip-watch.js';
import { startWorker } from './worker-process.js';

const UPGRADE_DELAY_MS = 20;

export class Director {
  private readonly teardown: Teardown;
  private ports!: PortHolder;
  private fastPath: FastPathHolder | null = null;
  private supervision!: Supervision;
  private hiding!: Hiding;
  private virtualServer!: RemoteVirtualServer;
  private control!: DirectorControl;
  private server!: ControlServer;
  private rulesKeeper!: RulesKeeper;
  private vips!: VipWatch;
  private readonly observation: Observation;
  private tablesDirectory = '';
  private tablesSeen = '';
  private areTakenOver = false;
  /** An earlier director has left connections and services here. */
  private isTakingOver = false;
  private reloading: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: Options,
    private readonly log: Log,
  ) {
    this.teardown = new Teardown(log);
    this.observation = new Observation(log);
  }

  /** Resolves when packets flow. Where it rejects nothing is left behind but what was there before. */
  static async start(options: Options, log: Log): Promise<Director> {
    const director = new Director(options, log);
    try {
      await director.start();
      return director;
    } catch (error) {
      await director.teardown.run({ forSuccessor: director.isTakingOver });
      throw error;
    }
  }

  /** Ends everything and leaves nothing behind. Resolves to false where something could not be undone. */
  async stop(): Promise<boolean> {
    await this.logCounters();
    return this.teardown.run();
  }

  /** Ends, and leaves the data plane at work until a successor takes over. */
  async leave(): Promise<boolean> {
    this.supervision.leave();
    await Promise.all([this.server.close(), this.observation.leave()]);
    return true;
  }

  /** Resolves to the version of the installed program, which takes over a moment later. */
  private async upgrade(): Promise<{ version: string }> {
    const version = await checkSuccessor();
    this.log.info('upgrading', { before: packageVersion(), after: version });
    // The answer goes out first.
    setTimeout(() => void this.goOnAsSuccessor(), UPGRADE_DELAY_MS);
    return { version };
  }

  private async goOnAsSuccessor(): Promise<void> {
    await this.leave();
    becomeSuccessor(this.supervision.pids);
  }

  /** For whoever looks after the director. */
  health(): Health {
    const { isServing, isGivenUp } = this.supervision;
    if (isServing) {
      const names = this.ports.ports.map(({ name }) => name).join(', ');
      return { isWell: true, text: `balancing on ${names}` };
    }
    const text = isGivenUp
      ? `the data plane does not come up, packets are ${this.fateOfPackets()}`
      : 'the data plane is starting';
    return { isWell: false, text };
  }

  /** Makes the rules those of the file it was started with; only what differs changes. */
  async reload(): Promise<void> {
    const { rules } = this.options;
    if (rules === null) {
      this.log.warn('nothing to reload, there is no --rules');
      return;
    }
    // One after the other: each begins from what the one before it has left.
    this.reloading = this.reloading.then(() =>
      reloadRules(rules, this.control.by({ by: 'reload' }), this.log),
    );
    await this.reloading;
  }

  private async start(): Promise<void> {
    const { rules } = this.options;
    if (this.options.driver === 'pcap') loadPcap();
    // Whatever is wrong with them is found before anything is touched.
    const wanted = rules === null ? null : await readWanted(rules);
    await this.lock();
    await this.beSeen();
    this.openPorts();
    await this.openDataPlane();
    await this.configure(wanted);
    changeKernelSettings(this.options, this.teardown, this.log);
    await this.intercept();
    this.supervision.run();
    await this.serve();
    this.log.info('ready', {
      interfaces: this.ports.ports.map(({ name }) => name),
      services: (await this.control.services()).length,
      socket: this.options.socket,
      pid: process.pid,
    });
  }

  private async lock(): Promise<void> {
    const { stateDir } = this.options;
    const stateLock = lockStateDirectory(stateDir);
    this.teardown.add('state directory', () => stateLock.release());
    const networkLock = await lockNetwork();
    this.teardown.add('network lock', () => networkLock.release());
    const { directory, isInMemory } = tablesPlace(stateDir);
    this.tablesDirectory = directory;
    this.isTakingOver = existsSync(join(directory, 'services'));
    this.teardown.add('tables', () => void removeTables(stateDir), 'keep');
    await this.refuseOthersDataPlane();
    if (isInMemory) return;
    this.log.warn('the tables lie on a disk, which may hold packets up', {
      directory,
      remedy: 'a --state-dir on a tmpfs',
    });
  }

  /** Where the director of another state directory was killed its data plane goes on. */
  private async refuseOthersDataPlane(): Promise<void> {
    const other = await presentDataPlane();
    if (other === null || other.tables === this.tablesDirectory) return;
    throw new Error(
      `the data plane of another director (process ${other.pid}) moves packets in this network; end it with ` +
        `\`uvsd --cleanup --state-dir ${dirname(other.tables)}\``,
    );
  }

  /** Before the packets: an address that is taken shows while an earlier data plane is still at work. */
  private async beSeen(): Promise<void> {
    this.teardown.add('metrics', () => this.observation.close());
    await this.observation.open(this.options);
  }

  private openPorts(): void {
    const { options, teardown, log } = this;
    const fastPath = openFastPath(options, log);
    this.fastPath = fastPath;
    if (fastPath !== null) {
      teardown.add('table of flows', () => fastPath.close());
      teardown.add('fast path', () => fastPath.detach(), 'keep');
    }
    this.ports = new PortHolder(findPorts(options.interfaces), options.driver, fastPath);
    teardown.add('sockets', () => this.ports.close());
  }

  private async openDataPlane(): Promise<void> {
    const { log, ports } = this;
    this.hiding = new Hiding({
      log,
      interfaces: ports.ports,
      masquerade: this.options.masquerade,
      setFilter: (endpoints) => ports.setFilter(endpoints),
    });
    this.supervision = new Supervision({
      startWorker: (events) => startWorker(this.options.driver, ports.fds, events),
      workerOptions: () => ({
        tables: this.tablesDirectory,
        capacity: { ...DEFAULT_CAPACITY, connections: this.options.maxConnections },
        driver: this.options.driver,
        ports: ports.ports,
        expectsAll: this.options.interfaces.length === 0,
        hasFastPath: this.fastPath !== null,
      }),
      beforeFirst: () => this.endOrphan(),
      onLoaded: (version) => this.checkVersion(version),
      onNews: (news) => this.hear(news),
      onOpened: (report, pid) => this.noteOpened(report, pid),
      onEnded: ({ pid, how, failures, reason }) => {
        this.observation.noteRestart();
        log.error('data plane ended', { pid, how, failures, ...(reason && { reason }) });
      },
      onKill: (pid, reason) => log.error('data plane is killed', { pid, reason }),
      onGivenUp: (failures) => this.giveUp(failures),
      onRecovered: () => this.recover(),
    });
    this.teardown.add('data plane', () => this.supervision.stop());
    this.virtualServer = new RemoteVirtualServer({
      supervision: this.supervision,
      clock: hostClock,
      onChanged: () => this.rulesKeeper.changed(),
    });
    this.observation.watch(this.virtualServer, this.supervision);
    this.vips = new VipWatch({
      services: () => this.virtualServer.services(),
      isLocal: (address) => this.supervision.ask('isLocal', { address }),
      log,
    });
    this.rulesKeeper = new RulesKeeper(this.options.stateDir, this.virtualServer, log);
    this.teardown.add('saved rules', () => this.rulesKeeper.remove(), 'keep');
    await this.supervision.openWorker();
  }

  /** The data plane of a director that was killed goes on until this one's can take over. */
  private async endOrphan(): Promise<void> {
    this.ports.startEarly();
    // From here on the rings have what the programs of an earlier director would have forwarded.
    if (this.fastPath === null) detachLeftPrograms();
    else this.followFastPath(this.options.fastPath === 'on');
    const pid = await endOrphan(this.tablesDirectory);
    if (pid !== 0) this.log.info('taking over from the data plane of an earlier director', { pid });
  }

  /** Where the kernel can't forward all packets come to the data plane. Throws where it must be able to. */
  private followFastPath(isMust: boolean): void {
    if (this.fastPath === null) return;
    for (const reason of this.fastPath.follow(this.ports.ports)) {
      if (isMust) throw new Error(`no fast path at ${reason}`);
      this.log.warn('no fast path at an interface', { reason });
    }
    this.ports.renewFilter();
  }

  /** Workers that are started after the files were exchanged are of another version than this director. */
  private checkVersion(version: string): void {
    if (version === packageVersion()) return;
    this.log.warn('another version of uvs was installed', { version, remedy: 'uvs upgrade' });
  }

  private noteOpened(report: OpenReport, pid: number): void {
    const { areTakenOver, connections, notes, damaged, rebuildMs } = report;
    for (const note of notes) this.log.error(note);
    if (Object.values(damaged).some((count) => count > 0)) {
      this.log.error('damaged records left out', { ...damaged });
    }
    const found = areTakenOver ? { connections, rebuildMs } : {};
    this.log.info('data plane open', { pid, ...found });
    const isFirst = this.tablesSeen === '';
    this.areTakenOver = areTakenOver;
    const identity = tablesIdentity(this.tablesDirectory);
    if (identity !== this.tablesSeen) {
      this.tablesSeen = identity;
      this.virtualServer.look(viewTables(this.tablesDirectory, DEFAULT_CAPACITY));
      if (!isFirst && !areTakenOver) void this.rulesKeeper.restore();
    }
    void this.vips.look();
  }

  private hear(news: WorkerNews): void {
    switch (news.type) {
      case 'endpoints':
        this.hiding.wantAll(news.all);
        break;
      case 'endpoint':
        this.hiding.wantChanges(news.changes);
        break;
      case 'ports':
        this.ports.ports = news.ports;
        this.followFastPath(false);
        this.hiding.setInterfaces(news.ports);
        break;
      case 'addresses':
        void this.vips.look();
        break;
      case 'host':
        this.log.info('host network changed', { description: news.description });
    }
  }

  private giveUp(failures: number): void {
    this.log.error('the data plane does not come up, no packets are balanced; trying on', {
      failures,
      packets: this.fateOfPackets(),
    });
    if (this.options.onFailure === 'release') this.hiding.release(true);
  }

  private fateOfPackets(): string {
    return this.options.onFailure === 'keep' ? 'held' : 'released to the kernel';
  }

  private recover(): void {
    this.log.info('the data plane has recovered');
    this.hiding.release(false);
  }

  private async configure(wanted: Wanted | null): Promise<void> {
    const { virtualServer, log, options } = this;
    for (const [name, value] of Object.entries(options.settings)) {
      await virtualServer.setSetting(name, value);
    }
    // Written down once a director is set up: without it, one ended before its rules were loaded.
    const wasSetUp = readFootprint(options.stateDir) !== null;
    const areInEffect = this.areTakenOver ? wasSetUp : await this.rulesKeeper.restore();
    if (this.areTakenOver) this.rulesKeeper.changed();
    if (options.rules === null || wanted === null) return;
    if (areInEffect) {
      // Nobody wants a server back that was drained by hand, just because the director was restarted.
      log.info('rules stay as they were; SIGHUP makes them those of the file', {
        file: options.rules,
      });
      return;
    }
    await makeSo(options.rules, wanted, virtualServer);
    const services = await virtualServer.services();
    log.info('rules loaded', { file: options.rules, services: services.length });
    await this.vips.look();
  }

  private async intercept(): Promise<void> {
    this.teardown.add(
      'interception',
      () => {
        this.hiding.close();
        removeNftTables(TABLE_NAME);
      },
      'keep',
    );
    await this.hiding.begin();
  }

  private async serve(): Promise<void> {
    const { log } = this;
    this.control = new DirectorControl({
      inner: this.virtualServer,
      interception: this.hiding.sync,
      vips: this.vips,
      upgrade: () => this.upgrade(),
      snapshot: () => this.observation.snapshot(),
      log,
    });
    this.server = await serveControl({
      path: this.options.socket,
      control: this.control,
      peerOf,
      controlFor: (peer) => this.control.by(callerFields(peer)),
      onFault: (error) => log.error('a request failed', faultFields(error)),
    });
    this.teardown.add('control socket', () => this.server.close());
    const overload = logOverload(this.virtualServer, log);
    this.teardown.add('watch for overload', () => overload.stop());
  }

  private async logCounters(): Promise<void> {
    try {
      const { interfaces, drops } = await this.virtualServer.counters();
      for (const { name, ...counters } of interfaces) {
        this.log.info('interface counters', { interface: name, ...counters });
      }
      const occurred = Object.entries(drops).filter(([, count]) => count > 0);
      this.log.info('drop counters', Object.fromEntries(occurred));
    } catch {
      // The data plane is down: it has no counters any more.
    }
  }
}
