/** A profile as text. */
import { columns, formatted } from '../columns.js';
import type { Axis, Outcome } from '../macro/axes/axis.js';
import type { CpuTime } from '../macro/processes.js';
import type { Profiler } from './options.js';
import type { SystemCall } from './perf.js';
import { grouped, type Share } from './shares.js';

export interface Run {
  readonly outcome: Outcome;
  /** Of all the director's processes. */
  readonly cpu: CpuTime;
  readonly elapsedMs: number;
}

/** What the data plane has moved. */
export interface Frames {
  readonly received: number;
  readonly sent: number;
  readonly bursts: number;
}

/** What was seen of system calls, or why nothing was. */
export type Traced = { readonly reason: string } | (Run & { readonly result: TracedCalls });

interface TracedCalls {
  readonly calls: readonly SystemCall[];
  readonly frames: Frames;
  readonly seconds: number;
}

export interface Sampled extends Run {
  /** Few of them say little. */
  readonly samples: number;
  readonly shares: readonly Share[];
  /** Share of all time in each system call, where the profiler sees that. */
  readonly inCalls: readonly [name: string, share: number][];
}

export interface Profile {
  readonly title: string;
  readonly axis: Pick<Axis, 'metrics' | 'work'>;
  readonly profiler: Profiler;
  readonly plain: Run;
  readonly sampled: Sampled;
  readonly traced: Traced;
}

/** Less than this isn't worth a line. */
const SHARE_MIN = 0.001;
const CALLS_MIN_PER_SECOND = 1;

/** @param top so many functions are named of each group */
export function profileText(profile: Profile, top: number): string {
  return `${[headText(profile), sharesText(profile, top), callsText(profile.traced)].join('\n\n')}\n`;
}

function headText({ title, axis, plain, sampled, traced }: Profile): string {
  const [{ key, unit, digits }] = axis.metrics;
  const value = ({ outcome }: Run) => formatted(outcome.values[key], digits);
  const counted =
    'reason' in traced ? '' : `, ${value(traced)} while its system calls were counted`;
  const { userMs, systemMs } = plain.cpu;
  const busy = (ms: number) => `${formatted((ms / plain.elapsedMs) * 100, 0)} %`;
  return [
    title,
    `${value(plain)} ${unit}; ${value(sampled)} while it was sampled${counted}`,
    `busy for ${busy(userMs + systemMs)} of the time: ${busy(userMs)} in its programs, ${busy(systemMs)} in the kernel`,
  ].join('\n');
}

function sharesText({ axis, profiler, plain, sampled }: Profile, top: number): string {
  const { work } = axis;
  const amount = plain.outcome.work ?? 0;
  const hasUnit = work !== null && amount > 0;
  const unitsPerMs = work?.timeUnit === 'ms' ? 1 : 1000;
  const cost = ((plain.cpu.userMs + plain.cpu.systemMs) * unitsPerMs) / amount;
  const unit = hasUnit ? [`${work.timeUnit}/${work.unit}`] : [];
  const rows = grouped(sampled.shares, top)
    .filter(({ share }) => share >= SHARE_MIN)
    .map((group) => ({
      cells: [
        group.title,
        percent(group.share),
        ...unit.map(() => formatted(group.share * cost, hasUnit && cost < 10 ? 2 : 1)),
      ],
      top: group.top.filter(({ share }) => share >= SHARE_MIN),
    }));
  const table = columns([['', 'of its time', ...unit], ...rows.map(({ cells }) => cells)]);
  const lines = table.split('\n').flatMap((line, index) => {
    const names = index === 0 ? [] : rows[index - 1].top;
    return [
      line,
      ...names.map(({ name, share }) => `      ${percent(share).padStart(6)}  ${name}`),
    ];
  });
  const count = formatted(sampled.samples, 0);
  const by =
    profiler === 'perf'
      ? `perf, ${count} samples`
      : "Node's profiler, without the kernel and without C";
  return [`Where the data plane's time goes (${by})`, ...lines, ...inCalls(sampled.inCalls)].join(
    '\n',
  );
}

function inCalls(calls: readonly [name: string, share: number][]): string[] {
  const shown = calls.filter(([, share]) => share >= SHARE_MIN);
  if (shown.length === 0) return [];
  return [
    `\nIn system calls: ${shown.map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`,
  ];
}

function callsText(traced: Traced): string {
  if ('reason' in traced) return `System calls were not counted: ${traced.reason}`;
  const { calls, frames, seconds } = traced.result;
  const rows = calls
    .filter((call) => call.calls / seconds >= CALLS_MIN_PER_SECOND)
    .toSorted((a, b) => b.calls - a.calls)
    .map(({ name, calls: count, ms }) => [
      name,
      formatted(count / seconds, 0),
      formatted(count / frames.bursts, 2),
      name.startsWith('send') ? formatted(frames.sent / count, 1) : '',
      formatted((ms * 1000) / count, 1),
    ]);
  const head = ['', 'calls/s', 'a burst', 'frames a call', 'µs a call, waiting included'];
  const perBurst = formatted(frames.received / frames.bursts, 1);
  return [
    'System calls of the data plane (perf trace)',
    columns([head, ...rows]),
    `  ${formatted(frames.bursts / seconds, 0)} bursts/s of ${perBurst} frames`,
  ].join('\n');
}

function percent(share: number): string {
  return `${formatted(share * 100, 1)} %`;
}
