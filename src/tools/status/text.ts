/** Counters as a page for people. */
import type { Counters, FastPathCounters, InterfaceCounters, Use } from '../../control/api.js';
import { EXPLANATIONS, INTERFACE_EXPLANATIONS, type Explanation } from './reasons.js';

const INDENT = '  ';
const COLUMNS = {
  receivedFrames: 'received',
  sentFrames: 'sent',
  handedBackFrames: 'handed back',
  ringDrops: 'ring drops',
  synDrops: 'SYN drops',
  sendErrors: 'send errors',
} as const satisfies Partial<Record<keyof InterfaceCounters, string>>;

export function statusText(counters: Counters): string {
  const sections = [
    ['In use', ...usesOf(counters)],
    ['Interfaces, in frames', ...interfacesOf(counters.interfaces)],
    ['Dropped', ...dropsOf(counters)],
    ['Defences in effect', ...(counters.defences.length > 0 ? counters.defences : ['none'])],
  ];
  return `${sections
    .map(([title, ...lines]) => [title, ...lines.map((line) => `${INDENT}${line}`)].join('\n'))
    .join('\n\n')}\n`;
}

function usesOf(counters: Counters): string[] {
  const { connections, services, destinations, parkedFrames, fragmentedPackets } = counters;
  const { fastPath } = counters;
  const halfOpen = connections.halfOpen === 0 ? '' : `, ${number(connections.halfOpen)} half open`;
  return columns([
    ['connections', `${use(connections)}${halfOpen}`],
    ...(fastPath === null ? [] : [['connections in the fast path', fastPathText(fastPath)]]),
    ['services', use(services)],
    ['real servers', use(destinations)],
    ['frames waiting for a neighbour', use(parkedFrames)],
    ['packets waiting for fragments', use(fragmentedPackets)],
  ]);
}

function fastPathText(fastPath: FastPathCounters): string {
  const { packets, crowded, opened } = fastPath;
  const begun = opened === 0 ? '' : `, ${number(opened)} opened there`;
  const refused = crowded === 0 ? '' : `, ${number(crowded)} had no room`;
  return `${use(fastPath)}, ${number(packets)} packets${begun}${refused}`;
}

function interfacesOf(interfaces: readonly InterfaceCounters[]): string[] {
  const keys = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
  const rows = interfaces.map((one) => [one.name, ...keys.map((key) => number(one[key]))]);
  return columns([['', ...Object.values(COLUMNS)], ...rows], true);
}

/** Each reason that occurred with what it means; the others by name. */
function dropsOf({ drops, interfaces }: Counters): string[] {
  const lost = Object.entries(INTERFACE_EXPLANATIONS).flatMap(([key, explanation]) =>
    interfaces.map((one) => ({
      name: `${COLUMNS[key as keyof typeof COLUMNS]} of ${one.name}`,
      count: one[key as keyof typeof COLUMNS],
      explanation,
    })),
  );
  const reasons = Object.entries(drops).map(([name, count]) => {
    const explanation = (EXPLANATIONS as Record<string, Explanation | undefined>)[name];
    return { name, count, explanation };
  });
  const occurred = [...lost, ...reasons].filter(({ count }) => count > 0);
  const lines = occurred.flatMap(({ name, count, explanation }) => [
    `${number(count)} ${name}`,
    ...(explanation === undefined ? [] : detailsOf(explanation)),
  ]);
  const never = reasons.filter(({ count }) => count === 0).map(({ name }) => name);
  return [...lines, ...wrapped(`never: ${never.join(', ')}`)];
}

function detailsOf({ meaning, remedy }: Explanation): string[] {
  return [`${INDENT}${meaning}`, `${INDENT}-> ${remedy}`];
}

function use({ used, capacity }: Use): string {
  const share = capacity === 0 ? '' : ` (${((100 * used) / capacity).toFixed(1)} %)`;
  return `${number(used)} of ${number(capacity)}${share}`;
}

/** 1234567 as "1 234 567". */
function number(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

const WIDTH = 96;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(lines.length === 0 ? word : `${INDENT}${word}`);
    }
  }
  return lines;
}

/** The first column to the left, the others as wished. */
function columns(rows: readonly (readonly string[])[], toTheRight = false): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column > 0 && toTheRight ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
}
