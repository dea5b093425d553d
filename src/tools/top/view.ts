/** What of it is shown and how, and what keys change about that. */
import type { Key } from './keys.js';

/** Services with their servers below them, services alone, or all servers in one list. */
export const SHAPES = ['tree', 'services', 'servers'] as const;
export type Shape = (typeof SHAPES)[number];

export interface View {
  shape: Shape;
  /** Number of the column that rows are sorted by, null for the order of `uvsadm -L`. */
  sort: number | null;
  /** Smallest first. */
  isReversed: boolean;
  filter: string;
  /** The filter is being typed. */
  isTyping: boolean;
  /** Without what no packet came for. */
  hidesIdle: boolean;
  isPaused: boolean;
  showsHelp: boolean;
  /** Rows above the first one on the screen. */
  scroll: number;
}

export const FIRST_VIEW: View = {
  shape: 'tree',
  sort: null,
  isReversed: false,
  filter: '',
  isTyping: false,
  hidesIdle: false,
  isPaused: false,
  showsHelp: false,
  scroll: 0,
};

/** What a key's effect depends on. */
export interface Extent {
  /** Columns that rows can be sorted by. */
  columns: number;
  /** Rows there are, and rows that the screen has room for. */
  rows: number;
  visibleRows: number;
}

const FILTER_MAX = 60;

/** The view after a key; null when the key ends the program. */
export function press(view: View, key: Key, extent: Extent): View | null {
  if (key === 'interrupt') return null;
  if (view.isTyping) return type(view, key);
  if (view.showsHelp) return leaveHelp(view, key);
  if (typeof key === 'object') return command(view, key.text, extent);
  const { rows, visibleRows, columns } = extent;
  switch (key) {
    case 'up':
      return scrollTo(view, view.scroll - 1, extent);
    case 'down':
      return scrollTo(view, view.scroll + 1, extent);
    case 'page-up':
      return scrollTo(view, view.scroll - visibleRows, extent);
    case 'page-down':
      return scrollTo(view, view.scroll + visibleRows, extent);
    case 'home':
      return scrollTo(view, 0, extent);
    case 'end':
      return scrollTo(view, rows, extent);
    case 'right':
      return { ...view, sort: sortAfter(view.sort, 1, columns) };
    case 'left':
      return { ...view, sort: sortAfter(view.sort, -1, columns) };
    case 'escape':
      return { ...view, filter: '', scroll: 0 };
    default:
      return view;
  }
}

/** No further down than to the last row. */
export function clampScroll(scroll: number, { rows, visibleRows }: Extent): number {
  return Math.max(0, Math.min(scroll, rows - visibleRows));
}

function scrollTo(view: View, scroll: number, extent: Extent): View {
  return { ...view, scroll: clampScroll(scroll, extent) };
}

function command(view: View, letter: string, extent: Extent): View | null {
  switch (letter) {
    case 'q':
      return null;
    case 'h':
    case '?':
      return { ...view, showsHelp: true };
    case '/':
      return { ...view, isTyping: true, filter: '', scroll: 0 };
    case 'p':
    case ' ':
      return { ...view, isPaused: !view.isPaused };
    case 'v':
      return { ...view, shape: shapeAfter(view.shape), scroll: 0 };
    case 'i':
      return { ...view, hidesIdle: !view.hidesIdle, scroll: 0 };
    case 'r':
      return { ...view, isReversed: !view.isReversed };
    case '>':
      return { ...view, sort: sortAfter(view.sort, 1, extent.columns) };
    case '<':
      return { ...view, sort: sortAfter(view.sort, -1, extent.columns) };
    case 'j':
      return scrollTo(view, view.scroll + 1, extent);
    case 'k':
      return scrollTo(view, view.scroll - 1, extent);
    default:
      return view;
  }
}

function type(view: View, key: Key): View {
  if (typeof key === 'object') {
    return { ...view, filter: `${view.filter}${key.text}`.slice(0, FILTER_MAX), scroll: 0 };
  }
  switch (key) {
    case 'backspace':
      return { ...view, filter: view.filter.slice(0, -1), scroll: 0 };
    case 'enter':
      return { ...view, isTyping: false };
    case 'escape':
      return { ...view, isTyping: false, filter: '' };
    default:
      return view;
  }
}

/** Any key closes the page of help; the one that ends the program does that as well. */
function leaveHelp(view: View, key: Key): View | null {
  return typeof key === 'object' && key.text === 'q' ? null : { ...view, showsHelp: false };
}

function shapeAfter(shape: Shape): Shape {
  return SHAPES[(SHAPES.indexOf(shape) + 1) % SHAPES.length];
}

/** Round the columns, with the order of the rules between the last one and the first. */
function sortAfter(sort: number | null, step: number, columns: number): number | null {
  const places = columns + 1;
  const next = ((sort ?? columns) + step + places) % places;
  return next === columns ? null : next;
}
