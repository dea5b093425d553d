/**
 * What a command line asks for. The parser starts from `newRequest` and each option writes its part; what no
 * option wrote is the default, so `-e` and `-E` reset whatever they aren't told.
 */
import type {
  DestinationKey,
  ForwardingMethod,
  Protocol,
  ServiceKey,
  TunnelSettings,
} from '../control/api.js';

export const COMMAND_NAMES = [
  'add-service',
  'edit-service',
  'delete-service',
  'flush',
  'list',
  'add-server',
  'edit-server',
  'delete-server',
  'set',
  'start-daemon',
  'stop-daemon',
  'restore',
  'save',
  'zero',
] as const;

/** A command by the name that messages use. */
export type CommandName = (typeof COMMAND_NAMES)[number];

/** Options by the name that messages use, in the order in which their legality is checked. */
export const OPTION_NAMES = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'mcast-interface',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'syncid',
  'exact',
  'ops',
  'pe',
  'sched-flags',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
  'tun-info',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
] as const;

export type OptionName = (typeof OPTION_NAMES)[number];

export interface DaemonRequest {
  state: 'master' | 'backup';
  interface: string;
  syncId: number;
  /** 0, 0, 0 and "" where the director is to choose. */
  maxLength: number;
  port: number;
  ttl: number;
  group: string;
}

export interface Request {
  command: CommandName;
  given: Set<OptionName>;
  service: ServiceKey;
  /** By which names of ports are looked up; null before a service was named. */
  protocol: Protocol | null;
  /** As ServiceSettings has it: a dotted mask, or a prefix length for IPv6. */
  netmask: string;
  /** "" for the default. */
  scheduler: string;
  schedulerFlags: number;
  /** The words of `-b`, looked at when all options have been read. */
  schedulerFlagWords: string;
  persistenceTimeoutSeconds: number;
  persistenceEngine: string;
  destination: DestinationKey;
  forwarding: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnel: TunnelSettings;
  /** tcp, tcpfin, udp of `--set`. */
  timeoutsSeconds: [number, number, number];
  daemon: DaemonRequest;
}

export const IPV4_HOST_MASK = '255.255.255.255';
export const IPV6_HOST_MASK = '128';
export const DEFAULT_SCHEDULER = 'wlc';
/** ipvsadm(8) says 300; its program says 360. */
export const DEFAULT_PERSISTENCE_SECONDS = 360;
export const DEFAULT_DAEMON_INTERFACE = 'eth0';
const UNSPECIFIED_IPV4 = '0.0.0.0';

export function newRequest(command: CommandName): Request {
  return {
    command,
    given: new Set(),
    service: { family: 'inet', protocol: 'tcp', address: UNSPECIFIED_IPV4, port: 0, fwmark: 0 },
    protocol: null,
    netmask: IPV4_HOST_MASK,
    scheduler: '',
    schedulerFlags: 0,
    schedulerFlagWords: '',
    persistenceTimeoutSeconds: 0,
    persistenceEngine: '',
    destination: { family: 'inet', address: UNSPECIFIED_IPV4, port: 0 },
    forwarding: 'route',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnel: { type: 'ipip', port: 0, checksum: 'none' },
    timeoutsSeconds: [0, 0, 0],
    daemon: {
      state: 'master',
      interface: DEFAULT_DAEMON_INTERFACE,
      syncId: 0,
      maxLength: 0,
      port: 0,
      ttl: 0,
      group: '',
    },
  };
}
