/**
 * `uvsd --check`: finds out whether a director could start like this, and says all that stands against it at
 * once. Nothing is changed.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadPcap } from '../../dataplane/driver/pcap/addons.js';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { loopbackProblems } from '../../dataplane/sys/handback.js';
import { findPorts, HostNetwork } from '../../dataplane/sys/host.js';
import { rehearseInterception } from '../../dataplane/sys/interception.js';
import { close } from '../../dataplane/sys/libc.js';
import { openPacketSocket } from '../../dataplane/sys/packet-socket.js';
import { sysctlProblem } from '../../dataplane/sys/sysctl.js';
import { checkPlace } from '../control/server.js';
import { probeAddress } from '../observe/http-server.js';
import { VirtualServer } from '../virtual-server/virtual-server.js';
import { hostClock } from '../worker/host-clock.js';
import { capabilityAdvice, missingCapabilities } from './capabilities.js';
import type { Findings } from './command-line.js';
import { rehearseFastPath } from './fast-path.js';
import { TABLE_NAME } from './hiding.js';
import type { Log } from './log.js';
import { directorOfNetwork } from './network-lock.js';
import type { OptionName, Options } from './options.js';
import { loadRules } from './rules.js';
import { roomForTables } from './state-directory.js';
import { SUCCESSOR_OF } from './upgrade.js';
import { UsageError } from './usage.js';
import { warnUnlessLocal } from './vip-watch.js';

const MEGABYTE = 1 << 20;

/** Returns what a director would work with, for people. Rejects with an error that has a line for each problem. */
export async function checkOptions(
  options: Options,
  findings: Findings,
  log: Log,
): Promise<string> {
  return new Check(options, findings, log).run();
}

class Check {
  /** Problems of the host, beside those of the options. */
  private readonly problems: string[] = [];
  private readonly virtualServer = new VirtualServer({
    hashKey: [0, 0],
    clock: hostClock,
    // Room for any set of rules; the connections aren't needed.
    capacity: { connections: 1 },
  });

  constructor(
    private readonly options: Options,
    private readonly findings: Findings,
    private readonly log: Log,
  ) {}

  async run(): Promise<string> {
    const interfaces = this.interfaces();
    await this.rules();
    await this.virtualAddresses(interfaces);
    this.kernel(interfaces);
    this.stateDirectory();
    this.roomForTables();
    await this.otherDirector();
    await this.metrics();
    const lines = [...this.findings.problems.lines, ...this.problems];
    if (this.findings.problems.lines.length > 0) throw new UsageError(lines.join('\n'));
    if (lines.length > 0) throw new Error(lines.join('\n'));
    const services = await this.virtualServer.services();
    const servers = services.reduce((sum, service) => sum + service.destinations.length, 0);
    return `interfaces ${interfaces.join(', ')}; ${services.length} services, ${servers} servers`;
  }

  /** Names of those that a director would work on. */
  private interfaces(): string[] {
    const { interfaces } = this.options;
    // Each by itself, so that all wrong ones are named.
    const attempts = interfaces.length === 0 ? [[]] : interfaces.map((name) => [name]);
    return attempts.flatMap(
      (names) => this.attempt(() => findPorts(names), 'interface')?.map(({ name }) => name) ?? [],
    );
  }

  private async rules(): Promise<void> {
    const { rules } = this.options;
    if (rules === null) return;
    try {
      await loadRules(rules, this.virtualServer);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.findings.problems.lines.push(...error.message.split('\n'));
    }
  }

  private async virtualAddresses(interfaces: readonly string[]): Promise<void> {
    if (interfaces.length === 0) return;
    const { routes } = this.virtualServer;
    const host = HostNetwork.open({ interfaces, routes });
    try {
      const services = await this.virtualServer.services();
      await warnUnlessLocal(services, async (address) => routes.isLocal(address), this.log);
    } finally {
      host.close();
    }
  }

  /** What it needs of the kernel: capabilities, packet sockets, nf_tables with the netdev family, settings. */
  private kernel(interfaces: readonly string[]): void {
    const missing = missingCapabilities();
    if (missing.length > 0) {
      this.problems.push(capabilityAdvice(missing));
      return;
    }
    this.attempt(() => close(openPacketSocket()));
    if (this.options.driver === 'pcap') this.attempt(() => void loadPcap(), 'driver');
    this.attempt(() => rehearseInterception(TABLE_NAME, interfaces));
    this.fastPath();
    const forwarding = sysctlProblem('net.ipv4.ip_forward', '1');
    if (forwarding !== null) this.problems.push(forwarding);
    this.problems.push(...loopbackProblems());
  }

  private fastPath(): void {
    const { fastPath, driver } = this.options;
    if (fastPath === 'off') return;
    try {
      rehearseFastPath(driver);
    } catch (error) {
      const { message } = error as Error;
      if (fastPath === 'on') this.problems.push(`${this.findings.origin('fast-path')}: ${message}`);
      else this.log.info('the data plane would move all packets', { reason: message });
    }
  }

  /** Whether it can be used or made, and the control socket with it. */
  private stateDirectory(): void {
    const { stateDir, socket, procfsDir } = this.options;
    const isThere = existsSync(stateDir);
    this.attempt(() => requireWritable(isThere ? stateDir : dirname(stateDir)), 'state-dir');
    if (procfsDir !== null) this.attempt(() => requireMakable(procfsDir), 'procfs-dir');
    // Where it isn't there yet it will be made fit for the socket.
    if (isThere || dirname(socket) !== stateDir) this.attempt(() => checkPlace(socket), 'socket');
  }

  private roomForTables(): void {
    const { stateDir, maxConnections } = this.options;
    const capacity = { ...DEFAULT_CAPACITY, connections: maxConnections };
    const { directory, neededBytes, availableBytes } = roomForTables(stateDir, capacity);
    if (neededBytes <= availableBytes) return;
    this.log.warn('there is no room for full tables: connections will be refused before', {
      directory,
      neededMegabytes: Math.ceil(neededBytes / MEGABYTE),
      availableMegabytes: Math.floor(availableBytes / MEGABYTE),
      remedy: 'a larger tmpfs, or a smaller --max-connections',
    });
  }

  private async otherDirector(): Promise<void> {
    const pid = await directorOfNetwork();
    if (pid === null || String(pid) === process.env[SUCCESSOR_OF]) return;
    this.log.warn(
      'another director is at work in this network, this one could not start before it ends',
      {
        pid,
      },
    );
  }

  /** Whether its address can be listened at; a director that is at work holds it, and gives it back. */
  private async metrics(): Promise<void> {
    const { metrics } = this.options;
    if (metrics === null || (await directorOfNetwork()) !== null) return;
    try {
      await probeAddress(metrics);
    } catch (error) {
      this.problems.push(`${this.findings.origin('metrics')}: ${(error as Error).message}`);
    }
  }

  /** Takes note of what it throws; `option` says what the user would have to change. */
  private attempt<T>(action: () => T, option?: OptionName): T | undefined {
    try {
      return action();
    } catch (error) {
      const { message } = error as Error;
      this.problems.push(
        option === undefined ? message : `${this.findings.origin(option)}: ${message}`,
      );
      return undefined;
    }
  }
}

/** The directory, or the one it would be made in, however many levels up that is. */
function requireMakable(directory: string): void {
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  requireWritable(existing);
}

function requireWritable(directory: string): void {
  const isDirectory = statSync(directory, { throwIfNoEntry: false })?.isDirectory();
  if (isDirectory === undefined) throw new Error(`there is no directory ${directory}`);
  if (!isDirectory) throw new Error(`${directory} is not a directory`);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch {
    throw new Error(`user ${process.geteuid?.()} may not write to ${directory}`);
  }
}
