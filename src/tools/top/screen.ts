/**
 * The screen as lines: a pure function of what there is, how it is looked at and how large the terminal is.
 *
 *     uvs 0.1.0 2 services, 6 servers                                  16:40:12  every 1 s
 *     connections  [||          ] 12 345 of 1 048 576, 1.2 %  31 half open
 *     rates        1200 conn/s  in 12.3k pkt/s 98.1Mbit/s  out 13.0k pkt/s 1.20Gbit/s
 *     states       ESTABLISHED 9 012  TIME_WAIT 3 000
 *     drops        table_full 30 (5/s)
 *     SERVICE / SERVER         weight conn/s pkt/s> <pkt/s bit/s> <bit/s active  inact
 *     TCP 10.1.0.100:80           wlc ...
 *       10.2.0.11:80                1 ...
 *     h help  / filter  v view  <> sort  i idle  p pause  q quit
 */
import type { DestinationSnapshot } from '../../control/snapshot.js';
import { cellText, COLUMNS, WIDE_COLUMNS, type Column } from './columns.js';
import { helpLines } from './help.js';
import { rowsOf, type Row } from './rows.js';
import { cut, segment, spread, textOf, type Line, type Style } from './segments.js';
import { summaryLines, type Scene } from './summary.js';
import type { Size } from './terminal.js';
import { clampScroll, type Extent, type View } from './view.js';

const NAME_WIDTH = 25;
/** Of a service's scheduler or a server's weight. */
const WEIGHT_WIDTH = 6;
const SUMMARY_LINES = 5;
/** Head of the table and the line of keys. */
const FRAME_LINES = 2;
const TITLES = {
  tree: 'SERVICE / SERVER',
  services: 'SERVICE',
  servers: 'SERVER',
} as const satisfies Record<View['shape'], string>;

/** All lines of the screen, none wider than it. */
export function screenLines(scene: Scene, view: View, size: Size): Line[] {
  const { columns: width } = size;
  const columns = columnsFor(width);
  const rows = rowsOf(scene.snapshot.services, view, columns);
  const extent = extentOf(rows.length, size);
  const scroll = clampScroll(view.scroll, extent);
  const shown = rows.slice(scroll, scroll + extent.visibleRows);
  const bottom = view.isTyping ? typingLine(view) : keyLine(view, scroll, extent, width);
  const above = view.showsHelp
    ? helpLines([...COLUMNS, ...WIDE_COLUMNS])
    : [...summaryLines(scene, width), ...tableLines(shown, columns, scene, view, width)];
  const lines = above.slice(0, size.rows - 1);
  while (lines.length < size.rows - 1) lines.push([]);
  return [...lines, bottom].map((line) => cut(line, width));
}

/** All of it, however long, for what is no terminal. */
export function plainText(scene: Scene, view: View): string {
  const columns = columnsFor(Infinity);
  const rows = rowsOf(scene.snapshot.services, view, columns);
  const lines = [...summaryLines(scene, 0), [], ...tableLines(rows, columns, scene, view, 0)];
  return lines.map((line) => `${textOf(line).trimEnd()}\n`).join('');
}

function tableLines(
  rows: readonly Row[],
  columns: readonly Column[],
  scene: Scene,
  view: View,
  width: number,
): Line[] {
  const lines = [headLine(columns, view, width), ...rows.map((row) => rowLine(row, columns))];
  return rows.length > 0 ? lines : [...lines, [segment(emptyText(scene, view), 'faint')]];
}

/** How far the view can be scrolled and sorted on a screen of this size. */
export function extentFor(scene: Scene, view: View, size: Size): Extent {
  const rows = rowsOf(scene.snapshot.services, view, columnsFor(size.columns));
  return extentOf(rows.length, size);
}

function extentOf(rows: number, { columns, rows: height }: Size): Extent {
  const visibleRows = Math.max(1, height - SUMMARY_LINES - FRAME_LINES);
  return { rows, visibleRows, columns: columnsFor(columns).length };
}

/** Those that the width has room for; the first ones in any case. */
function columnsFor(width: number): Column[] {
  const columns = [...COLUMNS];
  let used = NAME_WIDTH + WEIGHT_WIDTH + COLUMNS.reduce((sum, column) => sum + column.width, 0);
  for (const column of WIDE_COLUMNS) {
    used += column.width;
    if (used > width) break;
    columns.push(column);
  }
  return columns;
}

function headLine(columns: readonly Column[], view: View, width: number): Line {
  const names = `${TITLES[view.shape].padEnd(NAME_WIDTH)}${'weight'.padStart(WEIGHT_WIDTH)}`;
  const cells = columns.map((column, i) =>
    segment(column.title.padStart(column.width), i === view.sort ? 'strong' : 'title'),
  );
  return spread([segment(names, 'title'), ...cells], [], width, 'title');
}

function rowLine(row: Row, columns: readonly Column[]): Line {
  const isService = row.kind === 'service';
  const indent = isService || !row.isIndented ? '' : '  ';
  const name = `${indent}${row.name}`;
  // A name that is too long takes the place of the weight, not of the figures.
  const weight = isService ? row.entry.scheduler : String(row.entry.weight);
  const room = NAME_WIDTH + WEIGHT_WIDTH;
  const both =
    name.length + weight.length < room
      ? `${name}${weight.padStart(room - name.length)}`
      : name.slice(0, room).padEnd(room);
  const style: Style = isService ? 'strong' : serverStyle(row.entry);
  return [
    segment(both, style),
    ...columns.map((column) => segment(cellText(column, row.entry), isService ? 'strong' : style)),
  ];
}

/** One that gets no connections is faint; one above its threshold or that doesn't answer is worth a look. */
function serverStyle({ weight, isOverloaded, unansweredNow }: DestinationSnapshot): Style {
  if (isOverloaded || unansweredNow > 0) return 'warning';
  return weight === 0 ? 'faint' : 'plain';
}

function emptyText({ snapshot }: Scene, view: View): string {
  if (snapshot.services.length === 0) return 'no services; uvsadm -A adds one';
  return view.filter === '' ? 'all idle; i shows them' : 'nothing matches; Esc shows all';
}

function typingLine(view: View): Line {
  return [segment('filter: ', 'strong'), segment(view.filter), segment(' ', 'title')];
}

function keyLine(view: View, scroll: number, extent: Extent, width: number): Line {
  const keys = 'h help  / filter  v view  <> sort  i idle  p pause  q quit';
  const { rows, visibleRows } = extent;
  const last = Math.min(rows, scroll + visibleRows);
  const place = rows > visibleRows ? `${scroll + 1}-${last} of ${rows}` : '';
  const filter = view.filter === '' ? '' : `/${view.filter} `;
  return spread([segment(keys, 'faint')], [segment(`${filter}${place}`, 'strong')], width);
}
