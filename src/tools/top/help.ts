/** The page of help. */
import type { Column } from './columns.js';
import { segment, type Line } from './segments.js';

const KEYS: readonly [string, string][] = [
  ['up down PgUp PgDn', 'scroll; Home and End, j and k as well'],
  ['< > left right', 'sort by another column, or in the order of uvsadm -L'],
  ['r', 'smallest first, or largest first'],
  ['/', 'filter: shows services and servers with this text; Esc shows all'],
  ['v', 'services with servers, services alone, servers alone'],
  ['i', 'hide what has no packets, or show it'],
  ['p space', 'pause, go on'],
  ['q Ctrl-C', 'quit; Ctrl-Z suspends, Ctrl-L draws anew'],
];
const KEY_WIDTH = 20;

/** Keys, then columns, two in a line. */
export function helpLines(columns: readonly Column[]): Line[] {
  return [
    [segment('KEYS', 'strong')],
    ...KEYS.map(([keys, effect]) => [
      segment(`  ${keys}`.padEnd(KEY_WIDTH), 'strong'),
      segment(effect),
    ]),
    [segment('COLUMNS', 'strong')],
    ...columns.map(({ title, meaning }) => [
      segment(`  ${title}`.padEnd(KEY_WIDTH), 'strong'),
      segment(meaning),
    ]),
  ];
}
