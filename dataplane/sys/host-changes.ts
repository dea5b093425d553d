/** What has changed about the host's network, in sentences for people: a line of the log each. */
import type { Route } from '../route/routes.js';
import type { Link } from './rtnetlink.js';

/** Most addresses or routes that a sentence names; of more it gives the number. */
const NAMED_MAX = 4;
const HOST_BITS = 32;

/** An interface as it was known. */
export interface KnownLink {
  name: string;
  /** 0 where it was gone. */
  ifindex: number;
  mac: Uint8Array;
  mtu: number;
  up: boolean;
  running: boolean;
}

/** "interface eth0: MTU 9000, down"; `link` is undefined where it is gone. Empty where nothing has changed. */
export function describeLink(before: KnownLink, link: Link | undefined): string {
  const changes = link === undefined ? goneOr(before) : changesOf(before, link);
  return changes.length === 0 ? '' : `interface ${before.name}: ${changes.join(', ')}`;
}

/**
 * Sentences about what has been added and removed: this host's addresses, and other routes. Empty where nothing
 * has. `portName` gives the names of the interfaces in use.
 */
export function describeRoutes(
  before: readonly Route[],
  after: readonly Route[],
  portName: (port: number) => string,
): { addresses: string; others: string } {
  const added = missingFrom(before, after);
  const removed = missingFrom(after, before);
  return {
    addresses: describe('addresses', added.filter(isAddress), removed.filter(isAddress), portName),
    others: describe('routes', added.filter(isRoute), removed.filter(isRoute), portName),
  };
}

export function formatMac(mac: Uint8Array): string {
  return Buffer.from(mac).toString('hex').match(/../g)?.join(':') ?? '';
}

/** Dotted decimal of an int32 in host order. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

function goneOr(before: KnownLink): string[] {
  return before.ifindex === 0 ? [] : ['gone'];
}

function changesOf(before: KnownLink, link: Link): string[] {
  const changes: string[] = [];
  if (link.ifindex !== before.ifindex) changes.push('made anew');
  if (link.name !== before.name) changes.push(`renamed to ${link.name}`);
  if (formatMac(link.mac) !== formatMac(before.mac)) changes.push(`MAC ${formatMac(link.mac)}`);
  if (link.mtu !== before.mtu) changes.push(`MTU ${link.mtu}`);
  if (link.up !== before.up) changes.push(link.up ? 'up' : 'down');
  if (link.up && before.up && link.running !== before.running) {
    changes.push(link.running ? 'carrier back' : 'carrier lost');
  }
  if (link.up && !before.up && !link.running) changes.push('no carrier');
  return changes;
}

function isAddress({ kind, prefixLength }: Route): boolean {
  return kind === 'local' && prefixLength === HOST_BITS;
}

/** Broadcast addresses come and go with addresses. */
function isRoute(route: Route): boolean {
  return route.kind !== 'broadcast' && !isAddress(route);
}

/** Those of `routes` that aren't in `others`. */
function missingFrom(others: readonly Route[], routes: readonly Route[]): Route[] {
  const keys = new Set(others.map(keyOf));
  return routes.filter((route) => !keys.has(keyOf(route)));
}

function keyOf({ kind, address, prefixLength, gateway, port, mtu, metric }: Route): string {
  return `${kind} ${address} ${prefixLength} ${gateway} ${port} ${mtu} ${metric}`;
}

function describe(
  what: string,
  added: readonly Route[],
  removed: readonly Route[],
  portName: (port: number) => string,
): string {
  const parts = [listed('added', added, portName), listed('removed', removed, portName)];
  const text = parts.filter((part) => part !== '').join('; ');
  return text === '' ? '' : `${what} ${text}`;
}

function listed(
  verb: string,
  routes: readonly Route[],
  portName: (port: number) => string,
): string {
  if (routes.length === 0) return '';
  const names = routes.map((route) => routeText(route, portName));
  return `${verb}: ${routes.length <= NAMED_MAX ? names.join(', ') : routes.length}`;
}

/** As `ip route` shows it: "default via 10.1.0.254 dev eth0 metric 100". */
function routeText(
  { kind, address, prefixLength, gateway, port, mtu, metric }: Route,
  portName: (port: number) => string,
): string {
  const words = [kind === 'unreachable' ? 'unreachable ' : '', prefixText(address, prefixLength)];
  if (gateway !== 0) words.push(` via ${formatAddress(gateway)}`);
  if (port >= 0) words.push(` dev ${portName(port)}`);
  else if (kind === 'unicast') words.push(' dev (not in use)');
  if (metric !== 0) words.push(` metric ${metric}`);
  if (mtu !== 0) words.push(` mtu ${mtu}`);
  return words.join('');
}

function prefixText(address: number, prefixLength: number): string {
  if (prefixLength === 0) return 'default';
  const text = formatAddress(address);
  return prefixLength === HOST_BITS ? text : `${text}/${prefixLength}`;
}
