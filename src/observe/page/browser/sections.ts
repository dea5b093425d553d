/** What each part of the page shows of a message. */
import type { NewestConnection, PageMessage, PageRow } from '../message.js';
import { Chart } from './charts.js';
import { grouped, short } from './numbers.js';
import { LiveTable, type Column } from './tables.js';

const BITS = 8;
/** Shares of a table above which its use is worth a look. */
const USE_WARNING = 0.8;

/** A part of index.html. */
export function element(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

/** What happens a second, between two messages. */
export interface Rates {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBits: number;
  outBits: number;
  drops: number;
}

/** @returns null where there is no earlier message to compare with, or its counters were those of another run */
export function ratesBetween(before: PageMessage | null, now: PageMessage): Rates | null {
  if (before === null || before.takenAtMs >= now.takenAtMs) return null;
  if (now.total.inPackets < before.total.inPackets) return null;
  const seconds = (now.takenAtMs - before.takenAtMs) / 1000;
  const rate = (key: 'connections' | 'inPackets' | 'outPackets' | 'inBytes' | 'outBytes') =>
    (now.total[key] - before.total[key]) / seconds;
  return {
    connections: rate('connections'),
    inPackets: rate('inPackets'),
    outPackets: rate('outPackets'),
    inBits: rate('inBytes') * BITS,
    outBits: rate('outBytes') * BITS,
    drops: Math.max(0, dropsIn(now) - dropsIn(before)) / seconds,
  };
}

function dropsIn({ drops }: PageMessage): number {
  return drops.reduce((sum, { count }) => sum + count, 0);
}

export function showTiles(message: PageMessage, rates: Rates | null): void {
  const { total, uses, halfOpen, defences, dataPlane } = message;
  const tiles: [string, string][] = [
    ['connections', grouped(uses[0].use.used)],
    ['new/s', rateText(rates?.connections)],
    ['packets/s in, out', `${rateText(rates?.inPackets)}, ${rateText(rates?.outPackets)}`],
    ['bits/s in, out', `${rateText(rates?.inBits)}, ${rateText(rates?.outBits)}`],
    ['half open', grouped(halfOpen)],
    ['dropped/s', rateText(rates?.drops)],
    ['so far', grouped(total.connections)],
    ['defences in effect', defences.join(', ') || 'none'],
  ];
  if (dataPlane.restarts > 0) tiles.push(['data plane restarts', grouped(dataPlane.restarts)]);
  const list = element('tiles');
  while (list.children.length > tiles.length) list.lastElementChild?.remove();
  for (const [i, [name, value]] of tiles.entries()) {
    if (i >= list.children.length) list.append(tile());
    const [term, description] = list.children[i].children;
    if (term.textContent !== name) term.textContent = name;
    if (description.textContent !== value) description.textContent = value;
  }
}

function rateText(value: number | undefined): string {
  return value === undefined ? '-' : short(value);
}

function tile(): HTMLElement {
  const group = document.createElement('div');
  group.append(document.createElement('dt'), document.createElement('dd'));
  return group;
}

const STATES = [
  { label: 'ESTABLISHED', colour: '--first' },
  { label: 'SYN_RECV', colour: '--second' },
  { label: 'TIME_WAIT', colour: '--third' },
  { label: 'FIN_WAIT', colour: '--fourth' },
];

export class Charts {
  private readonly connections: Chart;
  private readonly packets: Chart;
  private readonly bits: Chart;
  private readonly states: Chart;

  constructor() {
    const parent = element('charts');
    const both = [
      { label: 'in', colour: '--first' },
      { label: 'out', colour: '--second' },
    ];
    const news = [
      { label: 'new', colour: '--first' },
      { label: 'drops', colour: '--alarm' },
    ];
    this.connections = new Chart(parent, { title: 'Connections', unit: 'a second', series: news });
    this.packets = new Chart(parent, { title: 'Packets', unit: 'a second', series: both });
    this.bits = new Chart(parent, { title: 'Bits', unit: 'a second', series: both });
    this.states = new Chart(parent, {
      title: 'States',
      unit: 'connections',
      series: [...STATES, { label: 'others', colour: '--faint' }],
    });
  }

  add({ takenAtMs, states }: PageMessage, rates: Rates | null): void {
    const known = STATES.map(({ label }) => states[label] ?? 0);
    const all = Object.values(states).reduce((sum, count) => sum + count, 0);
    const others = all - known.reduce((sum, count) => sum + count, 0);
    this.connections.add(takenAtMs, [rates?.connections ?? null, rates?.drops ?? null]);
    this.packets.add(takenAtMs, [rates?.inPackets ?? null, rates?.outPackets ?? null]);
    this.bits.add(takenAtMs, [rates?.inBits ?? null, rates?.outBits ?? null]);
    this.states.add(takenAtMs, [...known, others]);
  }
}

function figure<T>(
  title: string,
  meaning: string,
  value: (item: T) => number,
  show: (value: number) => string,
  isWide = false,
): Column<T> {
  return { title, meaning, value, text: (item) => show(value(item)), isWide };
}

export function rowsTable(): LiveTable<PageRow> {
  return new LiveTable<PageRow>('rows', {
    caption: 'Virtual services, each with its real servers below it',
    emptyText: 'none',
    rowClass: ({ kind, isWarning }) => (isWarning ? `${kind} noted` : kind),
    sort: sortRows,
    columns: [
      { title: 'Name', text: ({ name }) => name },
      { title: 'Weight', meaning: 'scheduler or weight', text: ({ detail }) => detail },
      figure('Conn/s', 'new connections a second', (r) => r.statistics.connectionsPerSecond, short),
      figure(
        'In p/s',
        'packets a second from clients',
        (r) => r.statistics.inPacketsPerSecond,
        short,
      ),
      figure(
        'Out p/s',
        'packets a second to clients',
        (r) => r.statistics.outPacketsPerSecond,
        short,
      ),
      figure(
        'In b/s',
        'bits a second from clients',
        (r) => r.statistics.inBytesPerSecond * BITS,
        short,
      ),
      figure(
        'Out b/s',
        'bits a second to clients',
        (r) => r.statistics.outBytesPerSecond * BITS,
        short,
      ),
      figure('Active', 'active connections', ({ active }) => active, grouped),
      figure('Inactive', 'inactive connections', ({ inactive }) => inactive, grouped),
      figure('Conns', 'connections so far', (r) => r.statistics.connections, grouped),
      figure(
        'In pkts',
        'packets from clients so far',
        (r) => r.statistics.inPackets,
        grouped,
        true,
      ),
      figure(
        'Out pkts',
        'packets to clients so far',
        (r) => r.statistics.outPackets,
        grouped,
        true,
      ),
      figure('In bytes', 'bytes from clients so far', (r) => r.statistics.inBytes, grouped, true),
      figure('Out bytes', 'bytes to clients so far', (r) => r.statistics.outBytes, grouped, true),
      { title: 'Notes', text: ({ notes }) => notes.join(', ') },
    ],
  });
}

/** Services among services, and servers among those of their service. */
function sortRows(
  rows: readonly PageRow[],
  value: (row: PageRow) => number,
  isAscending: boolean,
): PageRow[] {
  const groups: PageRow[][] = [];
  for (const row of rows) {
    if (row.kind === 'service') groups.push([row]);
    else groups.at(-1)?.push(row);
  }
  const sign = isAscending ? 1 : -1;
  const compare = (a: PageRow, b: PageRow) => sign * (value(a) - value(b));
  return groups
    .toSorted(([a], [b]) => compare(a, b))
    .flatMap(([service, ...servers]) => [service, ...servers.toSorted(compare)]);
}

export function dropsTable(): LiveTable<PageMessage['drops'][number]> {
  return new LiveTable('drops', {
    caption: 'Packets by the reason why they were dropped; `uvs status` says what to do',
    emptyText: 'nothing',
    columns: [
      { title: 'Reason', text: ({ reason }) => reason },
      { title: 'Packets', text: ({ count }) => grouped(count), value: ({ count }) => count },
    ],
  });
}

export function usesTable(): LiveTable<PageMessage['uses'][number]> {
  return new LiveTable('uses', {
    caption: 'How full the tables are',
    emptyText: 'not known',
    rowClass: ({ use }) => (use.used > use.capacity * USE_WARNING ? 'noted' : ''),
    columns: [
      { title: 'Table', text: ({ name }) => name },
      { title: 'Used', text: ({ use }) => grouped(use.used), value: ({ use }) => use.used },
      { title: 'Of', text: ({ use }) => grouped(use.capacity), value: ({ use }) => use.capacity },
      { title: 'Share', text: shareText, value: ({ use }) => use.used },
    ],
  });
}

function shareText({ use }: PageMessage['uses'][number]): string {
  return use.capacity === 0 ? '-' : `${((100 * use.used) / use.capacity).toFixed(1)} %`;
}

export function newestTable(): LiveTable<NewestConnection> {
  return new LiveTable<NewestConnection>('newest', {
    caption: 'The newest connections that match the filter',
    emptyText: 'none',
    columns: [
      { title: 'Client', text: ({ client }) => client },
      { title: 'Service', text: ({ virtual }) => virtual },
      { title: 'Server', text: ({ server }) => server },
      { title: 'State', text: ({ state }) => state },
      {
        title: 'Expires',
        meaning: 'in seconds',
        text: ({ expiresSeconds }) => `${expiresSeconds} s`,
      },
      { title: 'First seen', text: ({ seenAtMs }) => seenText(seenAtMs) },
    ],
  });
}

function seenText(seenAtMs: number | null): string {
  return seenAtMs === null ? 'before' : new Date(seenAtMs).toTimeString().slice(0, 8);
}
