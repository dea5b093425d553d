/**
 * What can be asked of a director: the counterpart of ip_vs's netlink interface. `admin` and `tools` speak
 * it through the control socket, a replay speaks it to an engine in the same process.
 *
 * Addresses are text ("10.1.0.100", "2001:db8::1", canonical), ports and marks numbers in host order, times
 * whole seconds. Where ip_vs refuses something with an errno, a call rejects with ControlError and that
 * errno's name, decided in the same order as ip_vs does.
 */
import type { Snapshot } from './snapshot.js';
import type { TraceReport, TraceRequest } from './trace.js';

export type Family = 'inet' | 'inet6';
export type Protocol = 'tcp' | 'udp' | 'sctp';
export type ForwardingMethod = 'masq' | 'local' | 'tunnel' | 'route' | 'bypass';

/** A service is either (family, protocol, address, port) or, where fwmark isn't 0, (family, fwmark). */
export interface ServiceKey {
  family: Family;
  protocol: Protocol;
  address: string;
  port: number;
  fwmark: number;
}

/** Scheduler flag bits: sh and mh name 8 "fallback" and 16 "port"; others call them flag-1, flag-2, flag-3. */
export const SCHED_FLAG_1 = 8;
export const SCHED_FLAG_2 = 16;
export const SCHED_FLAG_3 = 32;

export interface ServiceSettings {
  /** "none" for no scheduler. */
  scheduler: string;
  schedulerFlags: number;
  persistent: boolean;
  /** Persistence timeout, 0 where not persistent. */
  timeoutSeconds: number;
  /** inet: dotted mask; inet6: prefix length as text. */
  netmask: string;
  onePacket: boolean;
  persistenceEngine: string;
}

export interface TunnelSettings {
  type: 'ipip' | 'gue' | 'gre';
  port: number;
  checksum: 'none' | 'csum' | 'remcsum';
}

export interface DestinationKey {
  family: Family;
  address: string;
  port: number;
}

export interface DestinationSettings {
  forwarding: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnel: TunnelSettings;
}

/** Counters and rates as ip_vs's estimator last published them. Rates are per second, bytes not bits. */
export interface Statistics {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
  connectionsPerSecond: number;
  inPacketsPerSecond: number;
  outPacketsPerSecond: number;
  inBytesPerSecond: number;
  outBytesPerSecond: number;
}

export interface DestinationEntry extends DestinationKey, DestinationSettings {
  activeConnections: number;
  inactiveConnections: number;
  persistentConnections: number;
  statistics: Statistics;
}

export interface ServiceEntry extends ServiceKey, ServiceSettings {
  statistics: Statistics;
  /** In the kernel's order: newest first. */
  destinations: DestinationEntry[];
}

export interface ConnectionEntry {
  /** "TCP", "UDP", "IP" (a template of a mark). */
  protocol: string;
  family: Family;
  clientAddress: string;
  clientPort: number;
  virtualAddress: string;
  virtualPort: number;
  destinationAddress: string;
  destinationPort: number;
  /** As ip_vs prints it: ESTABLISHED, SYN_RECV, NONE, ASSURED... */
  state: string;
  /** Whole seconds left, never negative. */
  expiresSeconds: number;
}

export interface Timeouts {
  tcpSeconds: number;
  tcpFinSeconds: number;
  udpSeconds: number;
}

export interface DaemonSettings {
  state: 'master' | 'backup';
  interface: string;
  syncId: number;
  maxLength: number;
  group: string;
  port: number;
  ttl: number;
}

export interface Info {
  /** Shown as "IP Virtual Server version 1.2.1". */
  version: string;
  /** Size of the connection table, shown as "(size=4096)". */
  connectionTableSize: number;
}

/** How much there is of something that there is only so much room for. */
export interface Use {
  used: number;
  capacity: number;
}

/** What one network interface has received and sent, in frames, since the data plane was started. */
export interface InterfaceCounters {
  name: string;
  receivedFrames: number;
  sentFrames: number;
  /** System calls that frames were sent with. */
  sendCalls: number;
  /** Left to the kernel after all. */
  handedBackFrames: number;
  /** That the receive rings had no room for. */
  ringDrops: number;
  /** SYNs that the SYN ring had no room for. */
  synDrops: number;
  /** Times the interface couldn't take everything at once. */
  backPressure: number;
  /** That the interface refused. */
  sendErrors: number;
}

/** How full a director is and what it has dropped. */
export interface FastPathCounters extends Use {
  packets: number;
  /** From the IP headers on. */
  bytes: number;
  /** Times a connection found no room and stayed with the data plane. */
  crowded: number;
  /** Connections that the kernel has opened by itself, by decisions made ahead. */
  opened: number;
}

export interface Counters {
  /** Packets by the reason why they were dropped; all reasons there are, also those that never occurred. */
  drops: Record<string, number>;
  /** Connections and templates; of the connections those whose handshake isn't complete. */
  connections: Use & { halfOpen: number };
  services: Use;
  /** Real servers, each as often as it is in a service. */
  destinations: Use;
  /** Frames that wait for a neighbour's MAC address. */
  parkedFrames: Use;
  /** Packets that wait for the rest of their fragments. */
  fragmentedPackets: Use;
  /** Connections that the kernel forwards by itself, and what it has forwarded; null without a fast path. */
  fastPath: FastPathCounters | null;
  /** The defences against overload that are in effect now, by the names of their settings. */
  defences: string[];
  interfaces: InterfaceCounters[];
}

/** One of several changes that are made together. */
export type Change =
  | { change: 'addService'; key: ServiceKey; settings: ServiceSettings }
  | { change: 'editService'; key: ServiceKey; settings: ServiceSettings }
  | { change: 'deleteService'; key: ServiceKey }
  | {
      change: 'addDestination' | 'editDestination';
      service: ServiceKey;
      key: DestinationKey;
      settings: DestinationSettings;
    }
  | { change: 'deleteDestination'; service: ServiceKey; key: DestinationKey };

export interface Control {
  info(): Promise<Info>;
  counters(): Promise<Counters>;
  /** All of it at one moment, a second old at most; EOPNOTSUPP where there is no director to be seen. */
  snapshot(): Promise<Snapshot>;
  services(): Promise<ServiceEntry[]>;
  /** ESRCH where there is none. */
  service(key: ServiceKey): Promise<ServiceEntry>;
  addService(key: ServiceKey, settings: ServiceSettings): Promise<void>;
  editService(key: ServiceKey, settings: ServiceSettings): Promise<void>;
  deleteService(key: ServiceKey): Promise<void>;
  flush(): Promise<void>;
  addDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void>;
  editDestination(
    service: ServiceKey,
    key: DestinationKey,
    settings: DestinationSettings,
  ): Promise<void>;
  deleteDestination(service: ServiceKey, key: DestinationKey): Promise<void>;
  /**
   * Makes changes in their order, all between the same two packets or none of them. Rejects with the
   * ControlError of the first that is refused; its message says which one that is.
   */
  apply(changes: readonly Change[]): Promise<void>;
  /** All statistics, or those of one service and its destinations. */
  zero(key?: ServiceKey): Promise<void>;
  timeouts(): Promise<Timeouts>;
  /** A value of 0 keeps what there is. */
  setTimeouts(timeouts: Timeouts): Promise<void>;
  /** All connections and templates, a batch at a time, in no particular order. */
  connections(): AsyncIterable<ConnectionEntry[]>;
  /**
   * What is decided about packets, live: a report every tenth of a second, also where there is nothing to tell, until
   * the caller leaves. EINVAL where the filter names something that isn't there, ENOMEM where there are too many
   * traces, EOPNOTSUPP where there are no packets.
   */
  trace(request: TraceRequest): AsyncIterable<TraceReport[]>;
  daemons(): Promise<DaemonSettings[]>;
  startDaemon(settings: DaemonSettings): Promise<void>;
  stopDaemon(state: 'master' | 'backup'): Promise<void>;
  /**
   * Has the director go on as the program that is installed now, in the same process. Resolves to the version
   * it will have, just before it hangs up; EOPNOTSUPP where there is no such process, EINVAL where the new
   * program couldn't start.
   */
  upgrade(): Promise<{ version: string }>;
  /** Values of the net.ipv4.vs.* settings by name. */
  settings(): Promise<Record<string, number>>;
  setSetting(name: string, value: number): Promise<void>;
}

export type Errno =
  | 'EPERM'
  | 'ENOENT'
  | 'ESRCH'
  | 'EEXIST'
  | 'ENODEV'
  | 'EINVAL'
  | 'ENOMEM'
  | 'ERANGE'
  | 'EOPNOTSUPP'
  | 'EAFNOSUPPORT'
  | 'ENOPROTOOPT'
  | 'EMSGSIZE'
  | 'EIO';

/**
 * A refusal, by the name of the errno the kernel would have given, and a sentence for people. EIO, which
 * ip_vs never gives, is a failure of the director itself.
 */
export class ControlError extends Error {
  constructor(
    readonly errno: Errno,
    message: string,
  ) {
    super(message);
    this.name = 'ControlError';
  }
}
