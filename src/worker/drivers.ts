/** The drivers by name, on the host's interfaces. */
import type { PacedDriver } from '../../dataplane/driver/pacer.js';
import { PcapDriver } from '../../dataplane/driver/pcap/driver.js';
import { PortSockets } from '../../dataplane/driver/port-sockets.js';
import { type GiveToKernel, RingDriver } from '../../dataplane/driver/ring.js';
import type { Routes } from '../../dataplane/route/routes.js';
import { applyFilter } from '../../dataplane/sys/filter.js';
import type { HostPort } from '../../dataplane/sys/host.js';
import type { Endpoints } from '../virtual-server/endpoints.js';
import { IPC_CHANNEL, type DriverName } from './messages.js';

export interface DriverOptions {
  name: DriverName;
  routes: Routes;
  handBack: GiveToKernel;
  /** Descriptors of each port's sockets; only the ring driver has some. */
  sockets: readonly (readonly number[])[];
  /** Only another process can go on. */
  onWornOut: (reason: string) => void;
}

/** A driver that follows what becomes of the host's interfaces, and of what is to be received. */
export interface HostDriver {
  readonly driver: PacedDriver;
  /** Uses the interface as it is now; it may be another one, or gone. Throws. */
  follow(port: HostPort): void;
  /** Receives what concerns these endpoints. Throws SysError. */
  receiveOnly(endpoints: () => Endpoints): void;
}

/** Throws where something that the driver needs is missing. */
export function openDriver(options: DriverOptions): HostDriver {
  return options.name === 'pcap' ? new PcapPorts(options) : new RingPorts(options);
}

class RingPorts implements HostDriver {
  readonly driver: RingDriver;
  /** By port: which interface is in use. */
  private readonly opened: number[] = [];

  constructor({ handBack, sockets }: DriverOptions) {
    // What the director says isn't to wait for packets.
    this.driver = new RingDriver({ handBack, interruptFd: IPC_CHANNEL });
    for (const [port, fds] of sockets.entries()) {
      this.driver.openPort(port, 0, PortSockets.adopt(fds));
      this.opened[port] = 0;
    }
  }

  follow({ port, ifindex }: HostPort): void {
    if (this.opened[port] === ifindex) return;
    // Gone again by now, perhaps; the next change of the host's network brings another attempt.
    this.opened[port] = 0;
    if (ifindex !== 0) this.driver.movePort(port, ifindex);
    this.opened[port] = ifindex;
  }

  /** The director sees to its sockets' filters itself. */
  receiveOnly(): void {}
}

/** The interface that was in use is gone; its successor may have the same index. */
const GONE = -1;

class PcapPorts implements HostDriver {
  readonly driver: PcapDriver;
  private readonly opened: number[] = [];

  private readonly onWornOut: (reason: string) => void;

  constructor({ handBack, onWornOut, routes }: DriverOptions) {
    this.onWornOut = onWornOut;
    this.driver = new PcapDriver({
      handBack,
      mtuOf: (port) => routes.ports[port].mtu,
      mtuTo: (address, port) => {
        const hop = routes.lookup(address);
        return routes.portOf(hop) === port ? routes.mtuOf(hop) : routes.ports[port].mtu;
      },
    });
  }

  /** libpcap begins to capture only where the interface is up. */
  follow({ port, name, ifindex, mac, up }: HostPort): void {
    const opened = this.opened[port] ?? 0;
    if (opened === ifindex) return;
    if (opened === 0) {
      if (!up) return;
      this.driver.openPort(port, { name, mac });
      this.opened[port] = ifindex;
    } else if (ifindex === 0 && opened !== GONE) {
      this.driver.abandonPort(port);
      this.opened[port] = GONE;
    } else if (ifindex !== 0) {
      this.onWornOut(`interface ${name} is another one than before`);
    }
  }

  receiveOnly(endpoints: () => Endpoints): void {
    applyFilter(endpoints(), (program) => this.driver.attachFilter(program));
  }
}
