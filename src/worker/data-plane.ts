/**
 * The part of a director that moves packets: the host's network, the virtual server, the driver and the pace.
 * It knows nothing of files, sockets, interception and the log, so that it can become a process of its own.
 */
import { randomBytes } from 'node:crypto';
import { msToTicks } from '../../dataplane/clock.js';
import { Pacer } from '../../dataplane/driver/pacer.js';
import { RingDriver } from '../../dataplane/driver/ring.js';
import type { PortStats } from '../../dataplane/driver/stats.js';
import { Loop } from '../../dataplane/loop.js';
import { applyFilter, type FilterPrecision } from '../../dataplane/sys/filter.js';
import { HandBack } from '../../dataplane/sys/handback.js';
import { HostNetwork } from '../../dataplane/sys/host.js';
import { tableMemory } from '../../dataplane/sys/memory.js';
import { tuneCompiler } from './compiler.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import { VirtualServer } from '../virtual-server/virtual-server.js';

export interface DataPlaneOptions {
  /** None: all Ethernet interfaces with addresses or routes. */
  interfaces: readonly string[];
  maxConnections: number;
  /** Which packets are ours has changed: these endpoints may have come or gone. */
  onEndpointsChanged: (touched: Endpoints | 'all') => void;
  /** Something about the host's network has changed; a sentence for people. */
  onHostChange: (description: string) => void;
  /** An interface is there anew or under another name. */
  onInterfacesChanged: () => void;
}

/** Connections looked at in one go; there is a burst of packets before the next one. */
const ADVANCE_BUDGET = 4096;

/** No interface's index. */
const NOT_OPEN = 0;

const clock = (): number => msToTicks(performance.now());

export class DataPlane {
  readonly virtualServer: VirtualServer;
  readonly host: HostNetwork;
  private driver: RingDriver | null = null;
  private handBack: HandBack | null = null;
  private loop: Loop | null = null;
  private pacer: Pacer | null = null;
  /** By port: which interface the driver has opened. */
  private readonly openedIfindex: number[] = [];

  /** Finds out about the host; moves no packets yet. Throws where an interface is missing. */
  constructor(private readonly options: DataPlaneOptions) {
    tuneCompiler();
    const key = randomBytes(8);
    this.virtualServer = new VirtualServer({
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
      clock,
      capacity: { connections: options.maxConnections },
      allocate: tableMemory,
      onEndpointsChanged: options.onEndpointsChanged,
    });
    this.host = HostNetwork.open({
      interfaces: options.interfaces,
      routes: this.virtualServer.routes,
      onChange: (description) => this.hostChanged(description),
      onHop: (hop, resolved) => {
        if (resolved) this.loop?.parking.hopResolved(hop);
      },
    });
  }

  get interfaceNames(): string[] {
    return this.host.ports.map((port) => port.name);
  }

  /** Opens the driver: from now on frames wait in its rings. Throws SysError. */
  openDriver(): void {
    const handBack = new HandBack();
    this.handBack = handBack;
    this.driver = new RingDriver({
      handBack: (memory, offset, length) => handBack.send(memory, offset, length),
    });
    const { engine } = this.virtualServer;
    this.loop = new Loop(engine, this.driver, (hop) => this.host.resolve(hop));
    this.setFilter(this.virtualServer.interceptedEndpoints.all);
    for (const { port, ifindex } of this.host.ports) {
      this.driver.openPort(port, ifindex);
      this.openedIfindex[port] = ifindex;
    }
  }

  /** Has the driver receive what concerns these endpoints; returns how exactly. */
  setFilter(endpoints: Endpoints): FilterPrecision {
    return applyFilter(endpoints, (program) => this.driver?.attachFilter(program));
  }

  /** Packets begin to flow. */
  start(): void {
    const { driver, loop, virtualServer } = this;
    if (driver === null || loop === null) throw new Error('the driver is not open');
    const work = {
      burst: (now: number) => loop.burst(now),
      advance: (now: number) => {
        loop.parking.advance(now);
        return virtualServer.advance(now, ADVANCE_BUDGET);
      },
    };
    this.pacer = new Pacer(driver, work, clock);
    this.pacer.start();
  }

  /** Counters of each interface. */
  portStats(): { name: string; stats: PortStats }[] {
    const { driver } = this;
    if (driver === null) return [];
    return this.host.ports.map(({ port, name }) => ({ name, stats: driver.stats(port) }));
  }

  /** Packets stop; those that come meanwhile wait in the rings. */
  stop(): void {
    this.pacer?.stop();
  }

  close(): void {
    this.stop();
    this.host.close();
    this.driver?.close();
    this.handBack?.close();
  }

  private hostChanged(description: string): void {
    this.options.onHostChange(description);
    let changed = false;
    for (const { port, name, ifindex } of this.host.ports) {
      if (this.driver === null || this.openedIfindex[port] === ifindex) continue;
      this.driver.closePort(port);
      try {
        this.driver.openPort(port, ifindex);
        this.openedIfindex[port] = ifindex;
        changed = true;
      } catch (error) {
        // Gone again by now, perhaps; the next change of the host's network brings another attempt.
        this.openedIfindex[port] = NOT_OPEN;
        this.options.onHostChange(`can't open interface ${name}: ${(error as Error).message}`);
      }
    }
    if (changed) this.options.onInterfacesChanged();
  }
}
