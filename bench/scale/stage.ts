/**
 * A director with millions of connections, in a lab of its own:
 *
 *     clients ------ director ------ servers
 *     (clients.js)                   (servers.js)
 *
 * Both ends are programs that keep nothing of a connection, so the director is the only one to which it matters
 * how many there are.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Lab } from '../../lab/lab.js';
import { natPlan, VIP } from '../../lab/plan.js';
import { letGoFirst } from '../macro/priority.js';
import { pin } from '../macro/processes.js';
import { PACKETS } from '../macro/services.js';
import type { Placement } from '../macro/site.js';
import { swallowAnswers } from '../overload/flood.js';
import type { RunningPeer, ScalePeer } from './peers/peer.js';
import { Program, type Answer } from './program.js';
import { runMs, softInterruptThreads } from './run-time.js';

const TABLE = 'scale';
/** Clients from this number on don't stay. A number is used once: what it has left is closed for a while yet. */
const PASSERS = 1 << 24;
/** So often nothing more has arrived: what is missing is lost. */
const QUIET_LOOKS = 3;

export interface Delivery {
  readonly sent: number;
  readonly delivered: number;
  readonly seconds: number;
  /** Processor time in ms of the clients' side, and of the director with what the kernel did outside of programs. */
  readonly clientsMs: number;
  readonly directorMs: number;
}

export class Stage {
  /** Clients that are connected. */
  live = 0;
  /** Number of the next client that comes and goes. */
  private nextPasser = PASSERS;
  private readonly kernelThreads = softInterruptThreads();

  private constructor(
    readonly peer: ScalePeer,
    readonly lab: Lab,
    readonly running: RunningPeer,
    readonly clients: Program,
    readonly servers: Program,
  ) {}

  /** @param capacity connections that the director must have room for */
  static async start(
    peer: ScalePeer,
    capacity: number,
    placement: Placement | null,
  ): Promise<Stage> {
    const lab = Lab.up({ id: 'scale', numbered: true, plan: natPlan({ servers: 1 }) });
    const [client, director, server] = ['client', 'director', 'server1'].map((n) => lab.host(n));
    await swallowAnswers(director, client);
    await server.output('nft', ['-f', '-'], { input: hideAndCount() });
    const running = await peer.start(lab, capacity);
    const servers = await Program.start(server, 'scale/programs/servers.js', [
      String(PACKETS.port),
    ]);
    const mac = await director.output('cat', ['/sys/class/net/ext0/address']);
    const target = peer.balances ? VIP : PACKETS.servers[0];
    const words = [target, String(PACKETS.port), mac.trim()];
    const clients = await Program.start(client, 'scale/programs/clients.js', words);
    const stage = new Stage(peer, lab, running, clients, servers);
    stage.goFirst();
    if (placement !== null) stage.place(placement);
    return stage;
  }

  /** The director has the servers' processor, or one of its own. */
  private place({ client, server, director }: Placement): void {
    pin(this.clients.pid, client);
    pin(this.servers.pid, server);
    for (const pid of this.running.pids()) pin(pid, director[0]);
  }

  private goFirst(): void {
    for (const pid of this.running.pids()) letGoFirst(pid);
  }

  /** Processor time that the director has had so far. */
  directorMs(): number {
    return runMs([...this.running.pids(), ...this.kernelThreads]);
  }

  /** Connects clients until there are so many. */
  async fill(clients: number): Promise<Answer> {
    const answer = await this.clients.ask('open', this.live, clients - this.live);
    this.live = clients;
    return answer;
  }

  /** Small segments of random connected clients. `rate`: a second, 0 for as fast as it goes. */
  flood(rate: number, seconds: number): Promise<Delivery> {
    return this.deliver('flood', this.live, rate, seconds);
  }

  /** One segment of every connected client. */
  touch(rate: number): Promise<Delivery> {
    return this.deliver('touch', this.live, rate);
  }

  private async deliver(command: string, ...words: number[]): Promise<Delivery> {
    const directorBefore = this.directorMs();
    const before = await this.arrived();
    const { sent, seconds, processorMs } = await this.clients.ask(command, ...words);
    const delivered = await this.deliveredOf(sent, before);
    const directorMs = this.directorMs() - directorBefore;
    return { sent, delivered, seconds, clientsMs: processorMs, directorMs };
  }

  /** What of these frames has arrived, once none is missing or none comes any more. */
  private async deliveredOf(sent: number, before: number): Promise<number> {
    let delivered = 0;
    let quiet = 0;
    while (quiet < QUIET_LOOKS && delivered < sent) {
      await this.running.settle();
      const now = (await this.arrived()) - before;
      quiet = now > delivered ? 0 : quiet + 1;
      delivered = now;
    }
    return delivered;
  }

  /** Opens connections besides those there are, and ends them. `directorMs` is part of `processorMs`. */
  async openMore(
    count: number,
  ): Promise<{ seconds: number; processorMs: number; directorMs: number }> {
    const first = this.nextPasser;
    this.nextPasser += count;
    const serversBefore = await this.servers.ask('time');
    const directorBefore = this.directorMs();
    const { seconds, processorMs } = await this.clients.ask('open', first, count);
    const directorMs = this.directorMs() - directorBefore;
    const serversMs = (await this.servers.ask('time')).processorMs - serversBefore.processorMs;
    await this.clients.ask('reset', first, count);
    return { seconds, processorMs: processorMs + serversMs + directorMs, directorMs };
  }

  /** Milliseconds for which nothing arrived at the servers' when the data plane was killed amid traffic. */
  async gapAfterCrash(rate: number, seconds: number): Promise<number> {
    await this.servers.ask('watch');
    const flood = this.flood(rate, seconds);
    await pause((seconds * 1000) / 4);
    const dataPlane = this.running.dataPlane();
    if (dataPlane !== null) process.kill(dataPlane, 'SIGKILL');
    await flood;
    const { longestMs } = await this.servers.ask('look');
    return longestMs;
  }

  /** Frames for the service that have reached the servers' host. */
  private async arrived(): Promise<number> {
    const text = await this.lab.host('server1').output('nft', ['list', 'table', 'netdev', TABLE]);
    return Number(/packets (\d+)/.exec(text)?.[1] ?? 0);
  }

  async end(): Promise<void> {
    await Promise.all([this.clients.end(), this.servers.end()]);
    this.running.end();
    this.lab.down();
  }
}

/** In front of the host's TCP, which would reset what it doesn't know. */
function hideAndCount(): string {
  return `table netdev ${TABLE} {
  chain arrived {
    type filter hook ingress device lan0 priority 0;
    ip protocol tcp tcp dport ${PACKETS.port} counter drop
  }
}`;
}
