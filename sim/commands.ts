/**
 * Commands at any moment: services and servers come, change and go, alone and several at once; settings and
 * timeouts change. What a command does to connections on purpose is forgiven them.
 */
import { SCHEDULERS } from '../scheduler/registry.js';
import type {
  Change,
  Control,
  DestinationKey,
  DestinationSettings,
  ServiceKey,
  ServiceSettings,
} from '../src/control/api.js';
import type { Flows } from './clients.js';
import { ipText } from './flow.js';
import type { Random } from './random.js';
import { SERVERS, VIPS } from './site.js';
import type { World } from './world.js';

/** Where services may be. */
export const SERVICES = VIPS.flatMap((vip) => [80, 443, 8080].map((port) => ({ vip, port })));
const SETTINGS: [string, number[]][] = [
  ['conn_reuse_mode', [0, 1, 1]],
  ['expire_nodest_conn', [0, 0, 1]],
  ['expire_quiescent_template', [0, 1]],
  ['sloppy_tcp', [0, 0, 1]],
  ['secure_tcp', [0, 0, 3]],
  ['drop_entry', [0, 0, 0, 3]],
  ['drop_packet', [0, 0, 0, 3]],
  ['nat_icmp_send', [0, 1]],
];
const TCP_SECONDS = [900, 900, 300, 60];
const FIN_SECONDS = [120, 120, 20];

type Command = (control: Control) => Promise<void>;

export class Commands {
  private readonly random: Random;

  constructor(
    private readonly world: World,
    private readonly flows: Flows,
  ) {
    this.random = world.random.fork('commands');
  }

  /** What a director begins with: services on both VIPs, each with some servers. */
  first(): Command {
    const { random } = this;
    const changes: Change[] = [];
    for (const { vip, port } of SERVICES) {
      if (random.chance(0.1)) continue;
      const key = serviceKey(vip, port);
      changes.push({ change: 'addService', key, settings: this.serviceSettings() });
      for (const server of SERVERS) {
        if (random.chance(0.4)) continue;
        const settings = destinationSettings(random.between(1, 4));
        const destination = destinationKey(server, this.serverPort(port));
        changes.push({ change: 'addDestination', service: key, key: destination, settings });
      }
    }
    return (control) => control.apply(changes);
  }

  /** Takes back what keeps a director from taking every connection it can. */
  last(): Command {
    const names = ['drop_entry', 'drop_packet', 'secure_tcp', 'sloppy_tcp'];
    return async (control) => {
      for (const name of names) await control.setSetting(name, 0);
    };
  }

  /** One random command. */
  next(): Command {
    const { random } = this;
    switch (random.below(12)) {
      case 0:
        return this.setting();
      case 1:
        return this.timeouts();
      case 2:
        return (control) => control.zero();
      case 3:
        return this.seldom(() => this.flush());
      case 4:
        return this.transaction();
      default:
        return this.edit();
    }
  }

  /** A command that changes services or servers, if it isn't refused. */
  edit(): Command {
    return this.apply([this.change()]);
  }

  private change(): Change {
    const { random } = this;
    const { vip, port } = random.of(SERVICES);
    const key = serviceKey(vip, port);
    const server = destinationKey(random.of(SERVERS), this.serverPort(port));
    const weight = random.chance(0.2) ? 0 : random.between(1, 4);
    const settings = destinationSettings(weight, random.chance(0.1) ? random.between(1, 40) : 0);
    switch (random.below(10)) {
      case 0:
        return { change: 'addService', key, settings: this.serviceSettings() };
      case 1:
      case 2:
        return { change: 'editService', key, settings: this.serviceSettings() };
      case 3:
        if (random.chance(0.2)) return { change: 'deleteService', key };
        return { change: 'editService', key, settings: this.serviceSettings() };
      case 4:
        return { change: 'deleteDestination', service: key, key: server };
      case 5:
      case 6:
        return { change: 'editDestination', service: key, key: server, settings };
      default:
        return { change: 'addDestination', service: key, key: server, settings };
    }
  }

  /** Several changes: all of them or none. */
  private transaction(): Command {
    const changes = Array.from({ length: this.random.between(2, 8) }, () => this.change());
    return this.apply(changes);
  }

  /** What the changes do to connections is forgiven when they are made: commands may have to wait. */
  private apply(changes: Change[]): Command {
    return (control) => {
      for (const change of changes) this.forgive(change);
      this.world.trace.event(5, () => JSON.stringify(changes));
      return control.apply(changes);
    };
  }

  private setting(): Command {
    const [name, values] = this.random.of(SETTINGS);
    const value = this.random.of(values);
    this.world.trace.event(7, () => `${name} = ${value}`);
    return (control) => control.setSetting(name, value);
  }

  private timeouts(): Command {
    const timeouts = {
      tcpSeconds: this.random.of(TCP_SECONDS),
      tcpFinSeconds: this.random.of(FIN_SECONDS),
      udpSeconds: 0,
    };
    return (control) => control.setTimeouts(timeouts);
  }

  private flush(): Command {
    return (control) => {
      this.flows.forgiveAll('all services were deleted');
      return control.flush();
    };
  }

  private seldom(make: () => Command): Command {
    return this.random.chance(0.1) ? make() : (control) => control.zero();
  }

  /** Connections of a server that is deleted stay without it. */
  private forgive(change: Change): void {
    if (change.change === 'deleteService') {
      for (const flow of this.flows.open) {
        if (isOf(flow, change.key)) flow.forgive('its service was deleted');
      }
    } else if (change.change === 'deleteDestination') {
      for (const flow of this.flows.open) {
        const isIts = isOf(flow, change.service) && ipText(flow.server) === change.key.address;
        if (isIts || flow.server === 0) flow.forgive('its server was deleted');
      }
    }
  }

  private serviceSettings(): ServiceSettings {
    const { random } = this;
    const persistent = random.chance(0.3);
    return {
      scheduler: random.of(SCHEDULERS).name,
      schedulerFlags: 0,
      persistent,
      timeoutSeconds: persistent ? random.of([10, 60, 360]) : 0,
      netmask: random.of(['255.255.255.255', '255.255.255.0']),
      onePacket: false,
      persistenceEngine: '',
    };
  }

  private serverPort(port: number): number {
    return this.random.chance(0.8) ? port : 9000 + (port % 1000);
  }
}

function isOf(flow: { virtual: number; virtualPort: number }, key: ServiceKey): boolean {
  return flow.virtualPort === key.port && ipText(flow.virtual) === key.address;
}

export function serviceKey(vip: number, port: number): ServiceKey {
  return { family: 'inet', protocol: 'tcp', address: ipText(vip), port, fwmark: 0 };
}

function destinationKey(server: number, port: number): DestinationKey {
  return { family: 'inet', address: ipText(server), port };
}

function destinationSettings(weight: number, upperThreshold = 0): DestinationSettings {
  return {
    forwarding: 'masq',
    weight,
    upperThreshold,
    lowerThreshold: 0,
    tunnel: { type: 'ipip', port: 0, checksum: 'none' },
  };
}
