/**
 * One peer with a lab of its own, all alike, so that none sees what another left behind and none must be
 * started anew between two measurements:
 *
 *     client --- director (the peer) --- server1, server2 (nginx and iperf3)
 */
import { availableParallelism } from 'node:os';
import type { Host } from '../../lab/host.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, VIP, type LabPlan } from '../../lab/plan.js';
import { startWebServers } from '../../lab/webserver.js';
import { LabError } from '../../lab/errors.js';
import type { Beside, Peer } from './peers/peer.js';
import { childrenOf, pin } from './processes.js';
import { letGoFirst } from './priority.js';
import { BULK, type Service } from './services.js';

const SERVERS = 2;
/**
 * Which processor each part runs on. With two of them the director has to share one, and gains or loses by the
 * neighbour: it changes sides from round to round.
 */
export interface Placement {
  readonly client: string;
  readonly server: string;
  /** One after the other; the first isn't the client's. */
  readonly director: readonly string[];
}

/** Null where there is nothing to choose. */
export function placementFor(processors: number): Placement | null {
  if (processors < 2) return null;
  return { client: '0', server: '1', director: processors === 2 ? ['1', '0'] : ['2'] };
}

export class Site {
  private constructor(
    readonly peer: Peer,
    readonly lab: Lab,
    /** Processes of the director. */
    readonly directorPids: readonly number[],
    /** All long-running processes. */
    readonly pids: readonly number[],
    readonly beside: Beside | undefined,
  ) {}

  static async start(peer: Peer, placement: Placement | null): Promise<Site> {
    const lab = Lab.up({ id: 'bench', numbered: true, plan: plan() });
    const web = await startWebServers(lab, { accessLog: false });
    const bulk = lab.all('server').map((server) => {
      return server.daemon('iperf3', 'iperf3', ['-s', '-p', String(BULK.port)]);
    });
    for (const daemon of bulk) await daemon.listening(BULK.port);
    const servers = [...web.map((server) => server.daemon), ...bulk].map((daemon) => daemon.pid);
    const { pids, beside } = await peer.start(lab.host('director'));
    const serverPids = servers.flatMap((pid) => [pid, ...childrenOf(pid)]);
    for (const pid of [...serverPids, ...pids]) letGoFirst(pid);
    if (placement !== null) for (const pid of serverPids) pin(pid, placement.server);
    return new Site(peer, lab, pids, [...serverPids, ...pids], beside);
  }

  get client(): Host {
    return this.lab.host('client');
  }

  /** Where the client finds a service. */
  address(service: Service): string {
    return this.peer.balances ? VIP : service.servers[0];
  }

  readonly processors = availableParallelism();

  private processor: string | null = null;
  private readonly endings: (() => void)[] = [];

  /** Moves the director to the processor of this round (from 1 on), or to one that the client doesn't have. */
  beginRound(round: number, placement: Placement | null, apart = false): void {
    if (placement === null) return;
    const { director } = placement;
    const processor = apart ? director[0] : director[(round - 1) % director.length];
    if (processor === this.processor) return;
    for (const pid of this.directorPids) pin(pid, processor);
    this.processor = processor;
  }

  /** `ending` ends what was started on this site for longer than a measurement. */
  atEnd(ending: () => void): void {
    this.endings.push(ending);
  }

  /** Ends and removes all of it. */
  end(): void {
    for (const ending of this.endings) ending();
    this.lab.down();
  }

  /** Fails where a daemon has ended. */
  checkAlive(): void {
    for (const pid of this.pids) {
      try {
        process.kill(pid, 0);
      } catch {
        throw new LabError(`a process of ${this.peer.title}'s lab (${pid}) has ended`);
      }
    }
  }
}

/** A director that ends connections itself needs as many ports and as long a queue as the other hosts. */
function plan(): LabPlan {
  const standard = natPlan({ servers: SERVERS });
  const settings = {
    'core.somaxconn': '4096',
    'ipv4.ip_local_port_range': '10000 65535',
    'ipv4.tcp_tw_reuse': '1',
  };
  const hosts = standard.hosts.map((host) =>
    host.role === 'director' ? { ...host, settings: { ...host.settings, ...settings } } : host,
  );
  return { ...standard, hosts };
}
