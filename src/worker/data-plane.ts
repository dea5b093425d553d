/**
 * The part of a director that moves packets: the host's network, the virtual server, the driver and the pace.
 * It knows nothing of interception, the control socket and the log.
 */
import { randomBytes } from 'node:crypto';
import { Pacer } from '../../dataplane/driver/pacer.js';
import { Accounting } from '../../dataplane/engine/accounting.js';
import { FastPath } from '../../dataplane/lifecycle/fast-path.js';
import { OpeningTable } from '../../dataplane/flows/openings-table.js';
import { FlowTable } from '../../dataplane/flows/table.js';
import { Loop } from '../../dataplane/loop.js';
import { arrayBytes, mapArray } from '../../dataplane/sys/fastpath/kernel-objects.js';
import { HandBack } from '../../dataplane/sys/handback.js';
import { formatAddress } from '../../dataplane/sys/host-changes.js';
import { HostNetwork, type KnownPort } from '../../dataplane/sys/host.js';
import { tableMemory } from '../../dataplane/sys/memory.js';
import type { FrameWatcher } from '../../dataplane/watcher.js';
import type { Counters } from '../control/api.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import type { Tables } from '../virtual-server/tables.js';
import { VirtualServer } from '../virtual-server/virtual-server.js';
import { BurstMeter } from './burst-meter.js';
import { openDriver, type HostDriver } from './drivers.js';
import { hostClock, RealTime } from './host-clock.js';
import type { DriverName } from './messages.js';
import { Traces } from './trace/traces.js';

export interface DataPlaneOptions extends Tables {
  driver: DriverName;
  /** Interfaces by port number, and the descriptors of each port's sockets, where the driver has some. */
  ports: readonly KnownPort[];
  /** No interface was named: those that come later are to be used as well, after an upgrade. */
  expectsAll: boolean;
  sockets: readonly (readonly number[])[];
  /** Descriptor of the socket that hands frames back to the kernel. */
  handBackSocket: number;
  /**
   * Descriptor of the table of flows that the kernel forwards; the next ones are that of their reports, and of what is
   * prepared for new connections. null for none.
   */
  flowTables: number | null;
  /** Which packets are ours has changed: these endpoints may have come or gone. */
  onEndpointsChanged: (touched: Endpoints | 'all') => void;
  /** Another process has to take over. */
  onWornOut: (reason: string) => void;
  /** Something about the host's network has changed; a sentence for people. */
  onHostChange: (description: string) => void;
  onAddressesChanged: () => void;
  /** An interface is gone, there anew or under another name. */
  onPortsChanged: (ports: KnownPort[]) => void;
}

/** Connections looked at in one go; there is a burst of packets before the next one. */
const ADVANCE_BUDGET = 4096;

/** For packets that the kernel's programs have in hand. */
const PAUSE_MS = 0.05;

function openFlowTables(fd: number): { flows: FlowTable; openings: OpeningTable } {
  const arrays = [fd, fd + 1, fd + 2].map((array) => mapArray(array, arrayBytes(array)));
  const [flows, reports, openings] = arrays;
  return {
    flows: new FlowTable(flows, reports, pauseBriefly),
    openings: new OpeningTable(openings),
  };
}

function pauseBriefly(): void {
  const end = performance.now() + PAUSE_MS;
  while (performance.now() < end);
}

export class DataPlane {
  readonly virtualServer: VirtualServer;
  readonly traces: Traces;
  private readonly host: HostNetwork;
  private readonly handBack: HandBack;
  private readonly hostDriver: HostDriver;
  private readonly loop: Loop;
  private readonly traceTime = new RealTime();
  private pacer: Pacer | null = null;
  private receiving: NodeJS.Immediate | null = null;
  private portsTold = '';
  /** Addresses of servers and gateways whose MAC addresses the kernel doesn't find out. */
  private readonly lost = new Set<number>();

  /** Opens everything; frames wait in the rings until `start`. Throws SysError. */
  constructor(private readonly options: DataPlaneOptions) {
    const key = randomBytes(8);
    this.virtualServer = new VirtualServer({
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
      clock: hostClock,
      capacity: options.capacity,
      memory: options.memory,
      allocate: tableMemory,
      onEndpointsChanged: (touched) => {
        this.receiveSoon();
        options.onEndpointsChanged(touched);
      },
    });
    this.host = HostNetwork.open({
      known: options.ports,
      expectsAll: options.expectsAll,
      routes: this.virtualServer.routes,
      onChange: (description) => this.hostChanged(description),
      onAddresses: options.onAddressesChanged,
      onHop: (hop, resolved) => this.hopChanged(hop, resolved),
    });
    this.handBack = new HandBack(options.handBackSocket);
    const { engine, routes } = this.virtualServer;
    if (options.flowTables !== null) {
      this.useFastPath(options.flowTables);
    }
    this.hostDriver = openDriver({
      name: options.driver,
      routes,
      handBack: (memory, offset, length) => this.handBack.send(memory, offset, length),
      sockets: options.sockets,
      onWornOut: options.onWornOut,
    });
    this.loop = new Loop(engine, this.hostDriver.driver, (hop) => this.host.resolve(hop));
    this.traces = new Traces({
      state: this.virtualServer.state,
      attach: (watcher) => this.watchPackets(watcher),
      clock: () => this.traceTime.nowMs,
    });
    this.followPorts();
  }

  /** What the kernel has forwarded while there was no data plane is counted; tables must have been rebuilt. */
  takeOverFlows(): void {
    this.virtualServer.engine.lifecycle.fastPath?.takeOver(hostClock());
  }

  /** Packets begin to flow. */
  start(): void {
    const { hostDriver, loop, virtualServer } = this;
    this.receiveWanted();
    const meter = new BurstMeter(virtualServer.state.meters, loop.arrival);
    const work = {
      burst: (now: number) => loop.burst(now),
      moved: (frames: number) => meter.note(frames),
      advance: (now: number) => {
        meter.advance(now);
        loop.parking.advance(now);
        return virtualServer.advance(now, ADVANCE_BUDGET);
      },
      hurries: () => virtualServer.engine.lifecycle.fastPath?.hasOpenings === true,
    };
    this.pacer = new Pacer(hostDriver.driver, work, hostClock);
    this.pacer.start();
  }

  /** Packets stop; those that come meanwhile wait in the rings. What the kernel has forwarded by itself is counted. */
  stop(): void {
    this.pacer?.stop();
    const { fastPath } = this.virtualServer.engine.lifecycle;
    fastPath?.endOpenings(hostClock());
    fastPath?.collectAll(hostClock());
  }

  /** True where packets to the address (int32) are delivered to this host. */
  isLocal(address: number): boolean {
    return this.virtualServer.routes.isLocal(address);
  }

  /** What the virtual server counts, and what driver and parking do. */
  counters(): Counters {
    const { parking } = this.loop;
    const interfaces = this.host.ports.map(({ port, name }) => ({
      name,
      ...this.hostDriver.driver.stats(port),
    }));
    return {
      ...this.virtualServer.countersAlone(),
      parkedFrames: { used: parking.frames, capacity: parking.framesMax },
      interfaces,
    };
  }

  private useFastPath(tables: number): void {
    const { state, engine } = this.virtualServer;
    const { lifecycle } = engine;
    const { flows, openings } = openFlowTables(tables);
    const accounting = new Accounting(state);
    const now = hostClock();
    lifecycle.fastPath = new FastPath(state, accounting, lifecycle, flows, openings, now);
  }

  /** What the kernel forwards by itself nobody sees here: all packets come while somebody watches. */
  private watchPackets(watcher: FrameWatcher | null): void {
    const { fastPath } = this.virtualServer.engine.lifecycle;
    if (watcher === null) fastPath?.resume();
    else fastPath?.suspend(hostClock());
    this.traceTime.adjust();
    this.loop.watch(watcher);
  }

  /** Changes that are made together lead to one filter. */
  private receiveSoon(): void {
    this.receiving ??= setImmediate(() => this.receiveWanted());
  }

  private receiveWanted(): void {
    this.receiving = null;
    this.hostDriver.receiveOnly(() => this.virtualServer.interceptedEndpoints.all);
  }

  private hostChanged(description: string): void {
    this.options.onHostChange(description);
    this.followPorts();
  }

  /** Has the driver use the interfaces there are. */
  private followPorts(): void {
    for (const port of this.host.ports) {
      try {
        this.hostDriver.follow(port);
      } catch (error) {
        this.options.onHostChange(`can't use interface ${port.name}: ${(error as Error).message}`);
      }
    }
    const ports = this.host.ports.map(({ name, ifindex }) => ({ name, ifindex }));
    const text = JSON.stringify(ports);
    if (text === this.portsTold) return;
    this.portsTold = text;
    this.options.onPortsChanged(ports);
  }

  private hopChanged(hop: number, isResolved: boolean): void {
    if (isResolved) this.loop.parking.hopResolved(hop);
    const { routes, state } = this.virtualServer;
    const address = routes.addressOf(hop);
    if (isResolved === !this.lost.has(address)) return;
    const isServer = state.realEndpoints.hasAddress(address);
    if (!isServer && !routes.isGateway(address)) return;
    if (isResolved) this.lost.delete(address);
    else this.lost.add(address);
    const { name } = this.host.ports[routes.portOf(hop)];
    const what = `${isServer ? 'server' : 'gateway'} ${formatAddress(address)} on ${name}`;
    this.options.onHostChange(`${what}: neighbour ${isResolved ? 'found again' : 'lost'}`);
  }
}
