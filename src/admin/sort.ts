/**
 * The order of listings. ipvsadm compares 32-bit words, addresses among them, by their signed difference: two
 * addresses that are 2^31 or more apart come in the reverse order. Such a relation isn't transitive, so the
 * result depends on the sorting method, too, which is the C library's merge sort.
 */
import type { DestinationEntry, ServiceEntry } from '../control/api.js';
import { ipv4Word, ipv6Words } from './addresses.js';

const FAMILY_NUMBERS = { inet: 2, inet6: 10 };
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 };

/** Negative, 0 or positive, as a C `int` difference. */
type Compare<T> = (a: T, b: T) => number;

/** An entry with its address as words of 32 bits: one, or four for IPv6. */
interface Keyed<Entry> {
  readonly entry: Entry;
  readonly words: readonly number[];
}

/** Services by mark, family, protocol, address, port; the destinations in each stay as they are. */
export function sortServices(services: readonly ServiceEntry[]): ServiceEntry[] {
  return sortKeyed(services, compareServices);
}

/** Destinations by address and port. */
export function sortDestinations(destinations: readonly DestinationEntry[]): DestinationEntry[] {
  return sortKeyed(destinations, compareDestinations);
}

/** Sorts by halves of n/2 and n - n/2 entries, taking from the left one while it isn't greater. */
export function mergeSort<T>(items: readonly T[], compare: Compare<T>): T[] {
  if (items.length < 2) return [...items];
  const half = Math.floor(items.length / 2);
  const left = mergeSort(items.slice(0, half), compare);
  const right = mergeSort(items.slice(half), compare);
  const sorted: T[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    sorted.push(compare(left[l], right[r]) <= 0 ? left[l++] : right[r++]);
  }
  return [...sorted, ...left.slice(l), ...right.slice(r)];
}

function sortKeyed<Entry extends ServiceEntry | DestinationEntry>(
  entries: readonly Entry[],
  compare: Compare<Keyed<Entry>>,
): Entry[] {
  const keyed = entries.map((entry) => ({ entry, words: addressWords(entry) }));
  return mergeSort(keyed, compare).map(({ entry }) => entry);
}

function addressWords({ family, address }: ServiceEntry | DestinationEntry): readonly number[] {
  return family === 'inet6' ? (ipv6Words(address) ?? []) : [ipv4Word(address)];
}

function compareServices(a: Keyed<ServiceEntry>, b: Keyed<ServiceEntry>): number {
  const x = a.entry;
  const y = b.entry;
  return (
    compareWords(x.fwmark, y.fwmark) ||
    FAMILY_NUMBERS[x.family] - FAMILY_NUMBERS[y.family] ||
    PROTOCOL_NUMBERS[x.protocol] - PROTOCOL_NUMBERS[y.protocol] ||
    (x.fwmark === 0 ? compareAddresses(a.words, b.words) : 0) ||
    x.port - y.port
  );
}

function compareDestinations(a: Keyed<DestinationEntry>, b: Keyed<DestinationEntry>): number {
  return compareAddresses(a.words, b.words) || a.entry.port - b.entry.port;
}

/** As many words as the left address has; an IPv4 address to the right counts as followed by zeros. */
function compareAddresses(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = compareWords(a[i], b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareWords(a: number, b: number): number {
  return (a - b) | 0;
}
