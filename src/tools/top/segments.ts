/** Lines of a screen: pieces of text, each with what it is. Colours are this file's business alone. */

export type Style = 'plain' | 'title' | 'strong' | 'faint' | 'warning' | 'alarm' | 'bar';

export interface Segment {
  text: string;
  style: Style;
}

export type Line = readonly Segment[];

/** Sober: the terminal's own colours, and two more for what needs a look. */
const CODES: Record<Style, string> = {
  plain: '',
  title: '7',
  strong: '1',
  faint: '2',
  warning: '33',
  alarm: '1;31',
  bar: '32',
};
const COLOURS: readonly Style[] = ['warning', 'alarm', 'bar'];

export function segment(text: string, style: Style = 'plain'): Segment {
  return { text, style };
}

export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

/** The line, no wider than `width`. Anything but printable ASCII becomes a question mark: each is one column. */
export function cut(line: Line, width: number): Line {
  const result: Segment[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    result.push({ text: text.replaceAll(/[^ -~]/g, '?').slice(0, left), style });
    left -= text.length;
  }
  return result;
}

/** `right` at the right edge where there is room for it, else behind `left`. */
export function spread(left: Line, right: Line, width: number, style: Style = 'plain'): Line {
  const gap = Math.max(1, width - textOf(left).length - textOf(right).length);
  return [...left, segment(' '.repeat(gap), style), ...right];
}

/** As terminals understand it. @param isColoured false: bold and reverse, but no colours */
export function painted(line: Line, isColoured: boolean): string {
  return line
    .map(({ text, style }) => {
      const code = !isColoured && COLOURS.includes(style) ? CODES.strong : CODES[style];
      return code === '' ? text : `\u001b[${code}m${text}\u001b[0m`;
    })
    .join('');
}
