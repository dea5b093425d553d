/**
 * A director with services, with or without a fast path, whose clients' SYNs come first to the kernel and then, where that leaves
 * them alone, to the engine.
 */
import * as rec from '../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../dataplane/conn/states.js';
import type { FastPath } from '../../dataplane/lifecycle/fast-path.js';
import { formatAddress } from '../../dataplane/sys/host-changes.js';
import { SYN } from '../../dataplane/wire/tcp.js';
import { SCHEDULER_WORDS } from '../../scheduler/scheduler.js';
import type { DestinationSettings, ServiceSettings } from '../../src/control/api.js';
import type { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import {
  type Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from './director.js';
import { FakeKernel } from './fake-kernel.js';
import { addFastPath } from './flow-kernel.js';
import { address, tcpFrame } from './frames.js';

const TCP_PROTOCOL = 6;
const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const BUCKETS = 1 << 10;
export const CLIENT = '10.1.0.2';
export const FIRST_SERVER = 11;
/** Connections that begin before the next ones are decided on ahead. */
export const FIRST_ONES = 8;

export class OpeningStage {
  readonly kernel: FakeKernel;
  readonly server: VirtualServer;
  fastPath: FastPath | null = null;

  constructor(
    readonly clock: Clock,
    isFast: boolean,
    { connections = 1 << 14, reports = 1 << 10 } = {},
  ) {
    this.kernel = new FakeKernel(BUCKETS, reports);
    this.server = testDirector(clock, { capacity: { connections } });
    const { routes } = this.server;
    for (const [port, info] of routes.ports.entries()) {
      routes.setPort(port, { ...info, ifindex: 7 + port });
    }
    if (isFast) this.fastPath = addFastPath(this.server, this.kernel, clock.ticks);
  }

  async addService(
    settings: Partial<ServiceSettings>,
    servers: Partial<DestinationSettings>[],
    port = 80,
    serverPort = 8080,
  ): Promise<void> {
    await this.server.addService(serviceKey(port), serviceSettings(settings));
    for (const [i, each] of servers.entries()) {
      const key = destinationKey(FIRST_SERVER + i, serverPort);
      await this.server.addDestination(serviceKey(port), key, destinationSettings(each));
    }
  }

  /** True where the kernel has opened a connection with it, which nobody knows of yet. */
  kernelTakes(clientPort: number, port = 80): boolean {
    return this.kernel.open(synFrame(clientPort, port), this.clock.ticks);
  }

  /** A SYN and what follows on it in a data plane. */
  syn(clientPort: number, port = 80): boolean {
    const { server, clock } = this;
    const isOpened = this.fastPath !== null && this.kernelTakes(clientPort, port);
    server.engine.catchUp(clock.ticks);
    if (!isOpened) this.process(synFrame(clientPort, port));
    server.engine.settle(clock.ticks);
    return isOpened;
  }

  process(frame: Uint8Array): void {
    this.server.engine.process(frame, 0, frame.length, 0, 0, this.clock.ticks);
  }

  client(clientPort: number, flags: number): void {
    const ends = { source: CLIENT, sourcePort: clientPort, destination: VIP, destinationPort: 80 };
    this.pass(tcpFrame({ ...ends, flags }));
  }

  reply(clientPort: number, flags: number): void {
    const ends = { source: this.serverOf(clientPort), sourcePort: 8080, destination: CLIENT };
    this.pass(tcpFrame({ ...ends, destinationPort: clientPort, flags }));
  }

  private pass(frame: Uint8Array): void {
    if (!this.kernel.forward(frame)) this.process(frame);
    this.server.engine.catchUp(this.clock.ticks);
  }

  /** So many connections, a few in each tick. @returns how many of them the kernel has opened */
  busy(count: number, firstPort = 4000, port = 80): number {
    let opened = 0;
    for (let i = 0; i < count; i++) {
      if (i % FIRST_ONES === 0) this.passTicks(1);
      if (this.syn(firstPort + i, port)) opened++;
    }
    return opened;
  }

  passTicks(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.clock.ticks = (this.clock.ticks + 1) | 0;
      while (this.server.advance(this.clock.ticks, 10_000));
    }
  }

  connection(clientPort: number, port = 80): number {
    const { connections } = this.server.state;
    const [client, virtual] = [CLIENT, VIP].map(address);
    return connections.findInbound(TCP_PROTOCOL, client, clientPort, virtual, port);
  }

  serverOf(clientPort: number, port = 80): string {
    const c = this.connection(clientPort, port);
    if (c === 0) return 'none';
    return formatAddress(this.server.state.connections.words[c * WORDS + rec.W_DESTINATION]);
  }

  serversOf(count: number, firstPort = 4000): string[] {
    return Array.from({ length: count }, (_, i) => this.serverOf(firstPort + i));
  }

  stateOf(clientPort: number): string {
    const c = this.connection(clientPort);
    const meta = this.server.state.connections.words[c * WORDS + rec.W_META];
    return c === 0 ? 'none' : STATE_NAMES[meta & 0xff];
  }

  get schedulerWords(): number[] {
    const { services } = this.server.state;
    return Array.from({ length: SCHEDULER_WORDS }, (_, i) => services.schedulerWord(1, i));
  }

  /** By server: active and inactive connections. */
  get serverCounts(): [number, number][] {
    const { destinations } = this.server.state;
    return Array.from({ length: destinations.highWater }, (_, i) => [
      destinations.activeConnections(i + 1),
      destinations.inactiveConnections(i + 1),
    ]);
  }

  get hasOpenings(): boolean {
    return this.fastPath?.hasOpenings === true;
  }
}

export function synFrame(clientPort: number, port: number): Uint8Array {
  const ends = { source: CLIENT, sourcePort: clientPort, destination: VIP, destinationPort: port };
  return tcpFrame({ ...ends, flags: SYN });
}
