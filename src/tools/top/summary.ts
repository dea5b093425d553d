/** The lines above the table: how full, how fast, in which states, what is dropped. */
import type { Snapshot } from '../../control/snapshot.js';
import { grouped, short } from '../../observe/page/browser/numbers.js';
import { segment, spread, type Line, type Segment, type Style } from './segments.js';

/** What the screen is made of beside the view. */
export interface Scene {
  snapshot: Snapshot;
  /** The one before it, for what happens a second; null where there is none. */
  previous: Snapshot | null;
  /** Why the snapshot is an old one; null where it isn't. */
  problem: string | null;
  /** To the right above all: "every 1 s", "paused". */
  mode: string;
}

const LABEL_WIDTH = 13;
const BAR_WIDTH = 12;
/** Shares of the table above which its use is worth a look, and an alarm. */
const USE_WARNING = 0.8;
const USE_ALARM = 0.95;
const BITS = 8;

export function summaryLines(scene: Scene, width: number): Line[] {
  const { snapshot } = scene;
  return [
    titleLine(scene, width),
    useLine(snapshot),
    rateLine(snapshot),
    stateLine(snapshot),
    dropLine(scene),
  ];
}

function titleLine({ snapshot, problem, mode }: Scene, width: number): Line {
  const { services, dataPlane, director, takenAtMs } = snapshot;
  const servers = services.reduce((sum, { destinations }) => sum + destinations.length, 0);
  const left = [
    segment(`uvs ${director.version} `, 'strong'),
    segment(`${counted(services.length, 'service')}, ${counted(servers, 'server')}`),
  ];
  if (problem !== null) left.push(segment(`  ${problem}`, 'alarm'));
  else if (!dataPlane.isServing) left.push(segment('  no data plane', 'alarm'));
  else if (dataPlane.restarts > 0) {
    left.push(segment(`  data plane restarted: ${dataPlane.restarts}`, 'warning'));
  }
  const style = mode === 'paused' ? 'warning' : 'plain';
  return spread(left, [segment(`${timeOfDay(takenAtMs)}  ${mode}`, style)], width);
}

function useLine({ connections, counters }: Snapshot): Line {
  const { used, capacity, halfOpen, templates } = connections;
  const share = capacity === 0 ? 0 : used / capacity;
  const filled = Math.min(BAR_WIDTH, Math.round(share * BAR_WIDTH));
  const style = share >= USE_ALARM ? 'alarm' : share >= USE_WARNING ? 'warning' : 'bar';
  const line = [
    label('connections'),
    segment('['),
    segment('|'.repeat(filled), style),
    segment(`${' '.repeat(BAR_WIDTH - filled)}] `),
    segment(grouped(used), 'strong'),
    segment(` of ${grouped(capacity)}, ${(100 * share).toFixed(1)} %`),
  ];
  if (halfOpen > 0) line.push(segment(`  ${short(halfOpen)} half open`));
  if (templates > 0) line.push(segment(`  ${counted(templates, 'template')}`));
  const defences = counters?.defences ?? [];
  if (defences.length > 0) line.push(segment(`  ${defences.join(', ')}`, 'warning'));
  return line;
}

function rateLine({ total }: Snapshot): Line {
  return [
    label('rates'),
    segment(short(total.connectionsPerSecond), 'strong'),
    segment(' conn/s'),
    segment(`  in ${throughput(total.inPacketsPerSecond, total.inBytesPerSecond)}`),
    segment(`  out ${throughput(total.outPacketsPerSecond, total.outBytesPerSecond)}`),
  ];
}

function throughput(packets: number, bytes: number): string {
  return `${short(packets)} pkt/s ${short(bytes * BITS)}bit/s`;
}

function stateLine({ connections }: Snapshot): Line {
  const states = Object.entries(connections.states).sort(([, a], [, b]) => b - a);
  const parts = states.map(([name, count]) => [
    segment(`${name} `, 'faint'),
    segment(grouped(count)),
  ]);
  return [label('states'), ...joined(parts)];
}

/** Reasons that occur now come first, then by their number. */
function dropLine({ snapshot, previous }: Scene): Line {
  const reasons = dropsOf(snapshot)
    .map(([name, count]) => ({ name, count, rate: rateOf(name, count, snapshot, previous) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.rate - a.rate || b.count - a.count);
  if (reasons.length === 0) return [label('drops'), segment('none', 'faint')];
  const parts = reasons.map(({ name, count, rate }) => {
    const style: Style = rate > 0 ? 'warning' : 'plain';
    const perSecond = rate > 0 ? ` (${short(rate)}/s)` : '';
    return [segment(`${name} `, 'faint'), segment(`${grouped(count)}${perSecond}`, style)];
  });
  return [label('drops'), ...joined(parts)];
}

/** Packets that were dropped, and frames that were lost at the interfaces, by name. */
function dropsOf({ drops, counters }: Snapshot): [string, number][] {
  const interfaces = counters?.interfaces ?? [];
  return [
    ...Object.entries(drops),
    ['ring', sumOf(interfaces.map(({ ringDrops }) => ringDrops))],
    ['SYN ring', sumOf(interfaces.map(({ synDrops }) => synDrops))],
    ['send errors', sumOf(interfaces.map(({ sendErrors }) => sendErrors))],
  ];
}

function rateOf(
  name: string,
  count: number,
  { takenAtMs }: Snapshot,
  previous: Snapshot | null,
): number {
  if (previous === null || previous.takenAtMs >= takenAtMs) return 0;
  const before = dropsOf(previous).find(([candidate]) => candidate === name)?.[1] ?? 0;
  return Math.max(0, ((count - before) * 1000) / (takenAtMs - previous.takenAtMs));
}

function label(text: string): Segment {
  return segment(text.padEnd(LABEL_WIDTH));
}

function joined(parts: readonly Segment[][]): Segment[] {
  return parts.flatMap((part, i) => (i === 0 ? part : [segment('  '), ...part]));
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** "16:40:12", the local time. */
function timeOfDay(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
