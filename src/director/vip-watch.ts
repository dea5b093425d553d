/**
 * Says which virtual services have addresses that aren't this host's: ip_vs takes such a service as well, but nobody
 * answers the clients' ARP requests. Addresses come and go, as when a failover's program moves them.
 */
import { ControlError, type ServiceKey } from '../control/api.js';
import { ipv4FromText } from '../control/ipv4.js';
import type { Log } from './log.js';
import { serviceName } from '../control/names.js';
import { WorkerEndedError } from './supervision.js';

export interface VipWatchOptions {
  services: () => Promise<readonly ServiceKey[]>;
  /** True where packets to the address (int32) are delivered to this host. */
  isLocal: (address: number) => Promise<boolean>;
  log: Log;
}

export class VipWatch {
  /** By address: whether it was this host's when it was last looked at. */
  private wasLocal = new Map<string, boolean>();
  private current: Promise<void> | null = null;
  private isOutdated = false;

  constructor(private readonly options: VipWatchOptions) {}

  /** These services are new: warns of those that no client will reach. */
  async added(services: readonly ServiceKey[]): Promise<void> {
    for (const key of services.filter(isByAddress)) {
      const isLocal = await this.isLocal(key.address);
      this.wasLocal.set(key.address, isLocal);
      if (!isLocal) this.warn('is not an address of', [key]);
    }
  }

  /** This host's addresses may have changed. Calls that come while one is under way share the next look. */
  async look(): Promise<void> {
    this.isOutdated = true;
    this.current ??= this.lookUntilDone();
    await this.current;
  }

  private async lookUntilDone(): Promise<void> {
    try {
      while (this.isOutdated) {
        this.isOutdated = false;
        await this.lookOnce();
      }
    } catch (error) {
      // The data plane is down. When it is up again there is another look.
      if (!(error instanceof ControlError || error instanceof WorkerEndedError)) throw error;
    } finally {
      this.current = null;
    }
  }

  private async lookOnce(): Promise<void> {
    const users = byAddress(await this.options.services());
    for (const address of this.wasLocal.keys()) {
      if (!users.has(address)) this.wasLocal.delete(address);
    }
    for (const [address, services] of users) {
      const before = this.wasLocal.get(address);
      const isLocal = await this.isLocal(address);
      this.wasLocal.set(address, isLocal);
      if (!isLocal && before !== false) {
        this.warn(before === true ? 'has left' : 'is not an address of', services);
      } else if (isLocal && before === false) {
        const names = services.map(serviceName);
        this.options.log.info('virtual address is back on this host', { service: names });
      }
    }
  }

  private async isLocal(text: string): Promise<boolean> {
    const address = ipv4FromText(text);
    return address === undefined || this.options.isLocal(address);
  }

  private warn(what: string, services: readonly ServiceKey[]): void {
    this.options.log.warn(`virtual address ${what} this host: clients will not reach it`, {
      service: services.map(serviceName),
      remedy: `ip address add ${services[0].address}/32 dev INTERFACE`,
    });
  }
}

/** Warns once of services that no client will reach. */
export async function warnUnlessLocal(
  services: readonly ServiceKey[],
  isLocal: VipWatchOptions['isLocal'],
  log: Log,
): Promise<void> {
  await new VipWatch({ services: async () => services, isLocal, log }).added(services);
}

function isByAddress({ fwmark }: ServiceKey): boolean {
  return fwmark === 0;
}

function byAddress(services: readonly ServiceKey[]): Map<string, ServiceKey[]> {
  const groups = new Map<string, ServiceKey[]>();
  for (const key of services.filter(isByAddress)) {
    const group = groups.get(key.address);
    if (group === undefined) groups.set(key.address, [key]);
    else group.push(key);
  }
  return groups;
}
