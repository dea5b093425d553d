/** Plots as SVG files: readable on light and on dark ground, and complete in themselves. */
import type { PlotOptions } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Plot } from './plot-library.js';

/** The parts of a document and its elements that are used here; the project is checked without a browser's types. */
interface Element {
  readonly outerHTML: string;
  setAttribute(name: string, value: string): void;
  prepend(child: Element): void;
  append(...children: Element[]): void;
  textContent: string;
}
interface Document {
  createElementNS(namespace: string, name: string): Element;
}

const SVG = 'http://www.w3.org/2000/svg';
export const WIDTH = 720;

/** Colours of what is drawn, light ground and dark; the names are CSS variables. */
const LIGHT = [
  '#1f2328',
  '#d0d7de',
  '#0969da',
  '#1a7f72',
  '#bc4c00',
  '#8250df',
  '#9a6700',
  '#6e7781',
];
const DARK = [
  '#e6edf3',
  '#3d444d',
  '#58a6ff',
  '#3fb9a8',
  '#f0883e',
  '#bc8cff',
  '#d29922',
  '#9198a1',
];
const NAMES = ['ink', 'grid', 'blue', 'green', 'orange', 'purple', 'yellow', 'gray'] as const;
export type Colour = (typeof NAMES)[number];

export function colour(name: Colour): string {
  return `var(--${name})`;
}

/** For a page or a picture: all colours, by the reader's preference. */
export const COLOURS_CSS = `:root{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}`;

function variables(values: readonly string[]): string {
  return NAMES.map((name, index) => `--${name}:${values[index]}`).join(';');
}

export interface LegendEntry {
  readonly text: string;
  readonly colour: string;
}

/** Draws a plot with a title for those who can't see it, and a legend if there is one. */
export function draw(
  title: string,
  options: PlotOptions,
  legend: readonly LegendEntry[] = [],
): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>') as unknown as {
    document: Document;
  };
  const picture = Plot.plot({
    width: WIDTH,
    ...options,
    marginBottom: MARGIN_BOTTOM,
    marginTop: (options.marginTop ?? 24) + (legend.length === 0 ? 0 : LEGEND_HEIGHT),
    document,
    className: 'uvs-plot',
    style: { color: colour('ink'), background: 'none', fontSize: '12px', overflow: 'visible' },
  }) as unknown as Element;
  picture.setAttribute('xmlns', SVG);
  picture.setAttribute('role', 'img');
  const make = (name: string, text = '') => {
    const element = document.createElementNS(SVG, name);
    element.textContent = text;
    return element;
  };
  const style = make('style', COLOURS_CSS);
  picture.prepend(style);
  picture.prepend(make('title', title));
  if (legend.length > 0) picture.append(drawLegend(legend, make));
  return `${picture.outerHTML.replaceAll(/(\d\.\d\d)\d+/g, '$1')}\n`;
}

/** For numbers, and the unit below them. */
const MARGIN_BOTTOM = 42;
const LEGEND_HEIGHT = 22;
const CHARACTER_WIDTH = 6.6;
const GAP = 26;

function drawLegend(
  legend: readonly LegendEntry[],
  make: (name: string, text?: string) => Element,
): Element {
  const group = make('g');
  let x = 8;
  for (const entry of legend) {
    const dot = make('circle');
    for (const [name, value] of Object.entries({ cx: x, cy: 12, r: 4, fill: entry.colour })) {
      dot.setAttribute(name, String(value));
    }
    const text = make('text', entry.text);
    const place = { x: x + 9, y: 16, fill: 'currentColor', 'text-anchor': 'start' };
    for (const [name, value] of Object.entries(place)) text.setAttribute(name, String(value));
    group.append(dot, text);
    x += GAP + entry.text.length * CHARACTER_WIDTH;
  }
  return group;
}
