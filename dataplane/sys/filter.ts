/**
 * The filter of the receive sockets: only what concerns the virtual services is copied into the rings.
 *
 *     to this host on the link, no VLAN tag beside the frame (such frames belong to a VLAN's interface), IPv4:
 *       TCP, first fragment or whole     to a virtual endpoint, or from a real one
 *       TCP, later fragment              to a virtual endpoint's address, or from a real one's
 *       ICMP                             type 3, 4 or 11, whatever it is about
 *
 * It lets through at least what interception hides. Addresses are found by binary search. What has no room
 * in the kernel becomes coarser: addresses only, then all TCP.
 */
import { constants } from 'node:os';
import {
  AD_PACKET_TYPE,
  AD_VLAN_TAG_PRESENT,
  BPF_MAXINSNS,
  JUMP_MAX,
  assemble,
  goto,
  ifAnyBit,
  ifAtLeast,
  ifEqual,
  instructionCount,
  keep,
  loadByte,
  loadHalf,
  loadHalfIndexed,
  loadIndexHeaderLength,
  loadWord,
  skip,
  type Instruction,
  type Item,
} from './bpf.js';
import { SysError } from './errors.js';
import type { Endpoint, Endpoints } from './interception.js';

/** What the filter tells apart, finest first. */
export type FilterPrecision = 'endpoints' | 'addresses' | 'tcp';
const PRECISIONS: FilterPrecision[] = ['endpoints', 'addresses', 'tcp'];
const COARSEST: FilterPrecision[] = ['tcp'];

export interface Filter {
  precision: FilterPrecision;
  program: Uint8Array;
}

const PACKET_HOST = 0;
const ETHERTYPE_OFFSET = 12;
const ETHERTYPE_IPV4 = 0x0800;
const IP_OFFSET = 14;
const IP_FRAGMENT = IP_OFFSET + 6;
const IP_PROTOCOL = IP_OFFSET + 9;
const IP_SOURCE = IP_OFFSET + 12;
const IP_DESTINATION = IP_OFFSET + 16;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const ICMP_ERROR_TYPES = [3, 4, 11];
const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
/** More than any frame has. */
const ALL_BYTES = 0x40000;
const ALL_PORTS = 'all';
/** A driver may put instructions of its own before the filter's, such as a check of the frame's length. */
const INSTRUCTIONS_MAX = BPF_MAXINSNS - 40;

/** The finest filter for these endpoints that fits into `instructionsMax`. */
export function buildFilter(endpoints: Endpoints, instructionsMax = INSTRUCTIONS_MAX): Filter {
  const precisions = minimumLength(endpoints) > instructionsMax ? COARSEST : PRECISIONS;
  for (const precision of precisions) {
    const program = assemble(filterItems(endpoints, precision));
    if (instructionCount(program) <= instructionsMax) return { precision, program };
  }
  throw new RangeError(`no filter has room in ${instructionsMax} instructions`);
}

/** All TCP to this host, and ICMP errors: for when the endpoints aren't known yet. */
export function coarsestFilter(): Uint8Array {
  return assemble(filterItems({ virtual: [], real: [] }, 'tcp'));
}

/**
 * Attaches the filter for these endpoints, and returns how fine it is. Where the kernel has no memory for it
 * (net.core.optmem_max) it becomes coarser. `attach` puts a program in the place of the one before, between
 * two frames; what it throws is thrown.
 */
export function applyFilter(
  endpoints: Endpoints,
  attach: (program: Uint8Array) => void,
): FilterPrecision {
  let filter = buildFilter(endpoints);
  for (;;) {
    try {
      attach(filter.program);
      return filter.precision;
    } catch (error) {
      const isTooBig = error instanceof SysError && error.errno === constants.errno.ENOMEM;
      if (!isTooBig || filter.precision === 'tcp') throw error;
      filter = buildFilter(endpoints, instructionCount(filter.program) - 1);
    }
  }
}

function filterItems(endpoints: Endpoints, precision: FilterPrecision): Item[] {
  const tcp = precision === 'tcp' ? [goto('accept')] : tcpItems(endpoints, precision);
  return [
    loadByte(AD_VLAN_TAG_PRESENT),
    ...unlessEqual(0, 'reject'),
    loadByte(AD_PACKET_TYPE),
    ...unlessEqual(PACKET_HOST, 'reject'),
    loadHalf(ETHERTYPE_OFFSET),
    ...unlessEqual(ETHERTYPE_IPV4, 'reject'),
    loadIndexHeaderLength(IP_OFFSET),
    loadByte(IP_PROTOCOL),
    ifEqual(PROTOCOL_ICMP, 0, 1),
    goto('icmp'),
    ...unlessEqual(PROTOCOL_TCP, 'reject'),
    ...tcp,
    'icmp',
    loadHalf(IP_FRAGMENT),
    ifAnyBit(FRAGMENT_OFFSET_MASK, 0, 1),
    goto('reject'),
    loadHalfIndexed(IP_OFFSET),
    // Type and code are one half word; the types in question differ in the upper byte.
    ...ICMP_ERROR_TYPES.flatMap((type) => [
      ifAtLeast((type + 1) << 8, 2, 0),
      ifAtLeast(type << 8, 0, 1),
      goto('accept'),
    ]),
    'reject',
    keep(0),
    'accept',
    keep(ALL_BYTES),
  ];
}

/** The address decides which list of ports to look at; hosts with the same ports share one. */
function tcpItems({ virtual, real }: Endpoints, precision: FilterPrecision): Item[] {
  const virtualHosts = portsByAddress(virtual, precision);
  const realHosts = portsByAddress(real, precision);
  return [
    loadWord(IP_DESTINATION),
    ...search([...virtualHosts.keys()], 'source', (address) => `to ${virtualHosts.get(address)}`),
    ...portLists(virtualHosts, 'to', DESTINATION_PORT, 'source'),
    'source',
    loadWord(IP_SOURCE),
    ...search([...realHosts.keys()], 'reject', (address) => `from ${realHosts.get(address)}`),
    ...portLists(realHosts, 'from', SOURCE_PORT, 'reject'),
  ];
}

function portLists(
  hosts: ReadonlyMap<number, string>,
  direction: 'to' | 'from',
  portOffset: number,
  miss: string,
): Item[] {
  const lists = [...new Set(hosts.values())];
  return lists.flatMap((ports) => [
    `${direction} ${ports}`,
    ...checkPorts(ports, portOffset, miss),
  ]);
}

/** Accepts a frame whose port is in the list, and later fragments, which have none. */
function checkPorts(ports: string, portOffset: number, miss: string): Item[] {
  if (ports === ALL_PORTS) return [goto('accept')];
  const numbers = ports.split(' ').map(Number);
  return [
    loadHalf(IP_FRAGMENT),
    ifAnyBit(FRAGMENT_OFFSET_MASK, 0, 1),
    goto('accept'),
    loadHalfIndexed(IP_OFFSET + portOffset),
    ...search(numbers, miss, () => 'accept'),
  ];
}

/** Finds what was loaded among ascending keys, by halves, and goes to its label; otherwise to `miss`. */
function search(
  keys: readonly number[],
  miss: string,
  labelOf: (key: number) => string,
): Instruction[] {
  if (keys.length === 0) return [goto(miss)];
  const found: Instruction[] = [];
  function searchBetween(from: number, to: number): void {
    if (to - from === 1) {
      found.push(ifEqual(keys[from], 0, 1), goto(labelOf(keys[from])), goto(miss));
      return;
    }
    const middle = (from + to) >> 1;
    const lower = searchLength(middle - from);
    if (lower <= JUMP_MAX) found.push(ifAtLeast(keys[middle], lower, 0));
    else found.push(ifAtLeast(keys[middle], 0, 1), skip(lower));
    searchBetween(from, middle);
    searchBetween(middle, to);
  }
  searchBetween(0, keys.length);
  return found;
}

/** Instructions that a search among so many keys takes. */
function searchLength(count: number): number {
  if (count === 1) return 3;
  const lower = searchLength(count >> 1);
  const upper = count % 2 === 0 ? lower : searchLength((count >> 1) + 1);
  return (lower <= JUMP_MAX ? 1 : 2) + lower + upper;
}

/** Fewest instructions of a filter that tells addresses apart. */
function minimumLength({ virtual, real }: Endpoints): number {
  const lengths = [virtual, real].map((endpoints) => {
    const addresses = new Set(endpoints.map(({ address }) => address));
    return addresses.size === 0 ? 1 : searchLength(addresses.size);
  });
  return lengths[0] + lengths[1];
}

function unlessEqual(k: number, label: string): Instruction[] {
  return [ifEqual(k, 1, 0), goto(label)];
}

/** By ascending address (uint32): the ports in question as text, such as "80 443". */
function portsByAddress(
  endpoints: readonly Endpoint[],
  precision: FilterPrecision,
): Map<number, string> {
  const portsOf = new Map<number, Set<number>>();
  for (const { address, port } of endpoints) {
    const ports = portsOf.get(address >>> 0) ?? new Set();
    portsOf.set(address >>> 0, ports.add(port));
  }
  const hosts = [...portsOf].sort(([a], [b]) => a - b);
  return new Map(
    hosts.map(([address, ports]) => {
      const isCoarse = precision === 'addresses' || ports.has(0);
      return [address, isCoarse ? ALL_PORTS : [...ports].sort((a, b) => a - b).join(' ')];
    }),
  );
}
