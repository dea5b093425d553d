/**
 * A lab: the hosts and networks of a plan, built in network namespaces of their own. All traffic stays
 * between them.
 *
 * A network of two interfaces is a cable (a veth pair); one of more is a bridge in a further namespace,
 * called switch, with a cable to each:
 *
 *     namespace uvslab-ID-client       ...-director            ...-switch             ...-server1
 *     +----------------+            +----------------+      +----------------+      +--------------+
 *     |           lan0 |------------| ext0      int0 |------| bridge inside  |------| lan0         |
 *     +----------------+            +----------------+      |                |---- ...
 *                                                           +----------------+
 */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/package.js';
import { LabError } from './errors.js';
import { Host } from './host.js';
import { addCable, addNamespace, inNamespace, setNetworkSettings } from './ip.js';
import { requireMachine } from './needs.js';
import { natPlan, type InterfacePlan, type LabPlan, type NetworkPlan } from './plan.js';
import {
  claimId,
  claimNumberedId,
  dataFolder,
  keepRecord,
  namespaceName,
  readRecord,
  removeLab,
  runFolder,
  type LabRecord,
} from './registry.js';

const SWITCH = 'switch';
const INTERFACE_NAME_MAX = 15;

export interface LabOptions {
  /** The lab's name; 'lab' where none is given. */
  id?: string;
  /** Take id2, id3 ... where the id is taken, instead of failing. */
  numbered?: boolean;
  plan?: LabPlan;
  /** Commands that must be installed besides `ip`. */
  commands?: readonly string[];
}

export class Lab {
  private readonly hosts: Map<string, Host>;
  private readonly takeDown = () => this.down();
  private hasSwitch = false;

  private constructor(private readonly record: LabRecord) {
    this.hosts = new Map(
      record.plan.hosts.map((plan) => [plan.name, new Host(record.id, plan)] as const),
    );
  }

  /**
   * Builds a lab, after removing what earlier ones left behind. It is taken down by `down`, at the latest
   * when this process exits; or, if this process is killed, by the next one that builds a lab.
   */
  static up(options: LabOptions = {}): Lab {
    const { id = 'lab', numbered = false, plan = natPlan(), commands = [] } = options;
    requireMachine(['ip', ...commands]);
    const lab = new Lab(numbered ? claimNumberedId(id, plan) : claimId(id, plan));
    process.on('exit', lab.takeDown);
    try {
      lab.build();
    } catch (error) {
      lab.down();
      throw error;
    }
    return lab;
  }

  /** A lab that is up already, made by this process or another. */
  static attach(id: string): Lab {
    const record = readRecord(id);
    if (record === undefined) throw new LabError(`there is no lab '${id}'; see \`uvs lab status\``);
    return new Lab(record);
  }

  get id(): string {
    return this.record.id;
  }

  get plan(): LabPlan {
    return this.record.plan;
  }

  /** A folder for big files, made on first use. */
  dataFolder(): string {
    const folder = dataFolder(this.id);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  host(name: string): Host {
    const host = this.hosts.get(name);
    if (host !== undefined) return host;
    const names = [...this.hosts.keys()].join(', ');
    throw new LabError(`there is no host '${name}' in lab '${this.id}'; it has ${names}`);
  }

  /** All hosts, or those of one role, in the plan's order. */
  all(role?: 'client' | 'director' | 'server'): Host[] {
    return [...this.hosts.values()].filter((host) => role === undefined || host.plan.role === role);
  }

  /** Removes everything: processes, namespaces, files. */
  down(): void {
    process.off('exit', this.takeDown);
    removeLab(this.id);
  }

  /** Lets the lab outlive this process. */
  keep(): void {
    process.off('exit', this.takeDown);
    keepRecord(this.record);
  }

  private build(): void {
    installCommands(join(runFolder(this.id), 'bin'));
    for (const host of this.all()) addNamespace(host.namespace);
    for (const network of this.plan.networks) this.plugTogether(network);
    for (const host of this.all()) configure(host);
  }

  private plugTogether(network: NetworkPlan): void {
    const plugs = this.all().flatMap((host) =>
      host.plan.interfaces
        .filter((plan) => plan.network === network.name)
        .map((plan) => ({ host, namespace: host.namespace, name: plan.name })),
    );
    if (plugs.length === 2) {
      addCable(plugs[0], plugs[1]);
    } else {
      this.addBridge(network);
      for (const plug of plugs) this.plugIntoBridge(network, plug.host, plug.name);
    }
    for (const plug of plugs) {
      inNamespace(plug.namespace, [`link set ${plug.name} mtu ${network.mtu}`]);
    }
  }

  private get switchNamespace(): string {
    return namespaceName(this.id, SWITCH);
  }

  private addBridge(network: NetworkPlan): void {
    if (!this.hasSwitch) {
      addNamespace(this.switchNamespace);
      setNetworkSettings(this.switchNamespace, { 'ipv6.conf.default.disable_ipv6': '1' });
      this.hasSwitch = true;
    }
    inNamespace(this.switchNamespace, [
      `link add ${network.name} type bridge`,
      `link set ${network.name} up mtu ${network.mtu}`,
    ]);
  }

  private plugIntoBridge(network: NetworkPlan, host: Host, interfaceName: string): void {
    const port = `${host.name}-${interfaceName}`;
    if (port.length > INTERFACE_NAME_MAX) {
      throw new LabError(`'${port}' is too long for an interface's name`);
    }
    addCable(
      { namespace: host.namespace, name: interfaceName },
      { namespace: this.switchNamespace, name: port },
    );
    inNamespace(this.switchNamespace, [
      `link set ${port} mtu ${network.mtu} master ${network.name} up`,
    ]);
  }
}

function configure(host: Host): void {
  setNetworkSettings(host.namespace, host.plan.settings);
  inNamespace(host.namespace, [
    'link set lo up',
    ...host.plan.interfaces.flatMap(interfaceCommands),
    ...(host.plan.gateway === '' ? [] : [`route add default via ${host.plan.gateway}`]),
  ]);
}

function interfaceCommands(plan: InterfacePlan): string[] {
  const addresses = plan.addresses.map((address) => `addr add ${address} dev ${plan.name}`);
  return [...addresses, `link set ${plan.name} up`];
}

/** Commands of a lab, by the program in dist/ that each is a name of. */
const COMMANDS: Readonly<Record<string, string>> = {
  uvsd: 'lab/uvsd.js',
  uvs: 'bin/uvs.js',
  uvsadm: 'bin/uvsadm.js',
  'uvsadm-save': 'bin/uvsadm-save.js',
  'uvsadm-restore': 'bin/uvsadm-restore.js',
  ipvsadm: 'bin/uvsadm.js',
};

/**
 * A folder for PATH with the project's commands, and with the Node.js that runs them. Links only: where it
 * is, programs often may not be executed (noexec).
 */
function installCommands(folder: string): void {
  mkdirSync(folder);
  symlinkSync(process.execPath, join(folder, 'node'));
  for (const [command, program] of Object.entries(COMMANDS)) {
    symlinkSync(join(packageRoot(), 'dist', program), join(folder, command));
  }
}
