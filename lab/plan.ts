/**
 * Plans: which networks and hosts a lab consists of. Plain data, so that it can be kept in a file and read
 * again by another process.
 */
import { LabError } from './errors.js';

export interface NetworkPlan {
  readonly name: string;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
}

export interface InterfacePlan {
  readonly name: string;
  /** Name of the network it is plugged into. */
  readonly network: string;
  /** With prefix length: "10.1.0.1/24". */
  readonly addresses: readonly string[];
}

export interface HostPlan {
  readonly name: string;
  readonly role: 'client' | 'director' | 'server';
  readonly interfaces: readonly InterfacePlan[];
  /** Default gateway, '' for none. */
  readonly gateway: string;
  /** Settings below net., for example { 'ipv4.ip_forward': '1' }. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface LabPlan {
  readonly networks: readonly NetworkPlan[];
  readonly hosts: readonly HostPlan[];
}

export const VIP = '10.1.0.100';
export const DIRECTOR_OUTSIDE = '10.1.0.1';
export const DIRECTOR_INSIDE = '10.2.0.1';
const CLIENTS_MAX = 90;
const SERVERS_MAX = 200;

export interface NatPlanOptions {
  clients?: number;
  servers?: number;
  mtu?: number;
}

/** IPv4 address of the nth client (from 1 on). */
export function clientAddress(n: number): string {
  return `10.1.0.${n + 1}`;
}

/** IPv4 address of the nth server (from 1 on). */
export function serverAddress(n: number): string {
  return `10.2.0.${n + 10}`;
}

/**
 * The classic LVS-NAT case: clients and the VIP in one network, the servers in a private one with the
 * director as their gateway.
 */
export function natPlan(options: NatPlanOptions = {}): LabPlan {
  const { clients = 1, servers = 3, mtu = 1500 } = options;
  checkCount('clients', clients, CLIENTS_MAX);
  checkCount('servers', servers, SERVERS_MAX);
  const hosts = [
    ...range(clients).map((n) => clientPlan(n, clients)),
    directorPlan(),
    ...range(servers).map((n) => serverPlan(n)),
  ];
  return {
    networks: [
      { name: 'outside', mtu },
      { name: 'inside', mtu },
    ],
    hosts,
  };
}

const QUIET_IPV6 = { 'ipv6.conf.all.disable_ipv6': '1', 'ipv6.conf.default.disable_ipv6': '1' };

function clientPlan(n: number, count: number): HostPlan {
  return {
    name: count === 1 ? 'client' : `client${n}`,
    role: 'client',
    interfaces: [{ name: 'lan0', network: 'outside', addresses: [`${clientAddress(n)}/24`] }],
    gateway: DIRECTOR_OUTSIDE,
    // Ten thousands of connections from one address: as many ports as there are.
    settings: { ...QUIET_IPV6, 'ipv4.ip_local_port_range': '1024 65535', 'ipv4.tcp_tw_reuse': '1' },
  };
}

function directorPlan(): HostPlan {
  return {
    name: 'director',
    role: 'director',
    interfaces: [
      { name: 'ext0', network: 'outside', addresses: [`${DIRECTOR_OUTSIDE}/24`, `${VIP}/32`] },
      { name: 'int0', network: 'inside', addresses: [`${DIRECTOR_INSIDE}/24`] },
    ],
    gateway: '',
    settings: { ...QUIET_IPV6, 'ipv4.ip_forward': '1' },
  };
}

function serverPlan(n: number): HostPlan {
  return {
    name: `server${n}`,
    role: 'server',
    interfaces: [{ name: 'lan0', network: 'inside', addresses: [`${serverAddress(n)}/24`] }],
    gateway: DIRECTOR_INSIDE,
    settings: { ...QUIET_IPV6, 'core.somaxconn': '4096' },
  };
}

function checkCount(what: string, count: number, max: number): void {
  if (!Number.isInteger(count) || count < 1 || count > max) {
    throw new LabError(`number of ${what} must be 1 to ${max}, not ${count}`);
  }
}

/** 1, 2, ... count */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
