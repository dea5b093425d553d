/** What is to be done so that a director has the rules of a file: found out, told, carried out. */
import type { Control, Timeouts } from '../control/api.js';
import { difference, type Step } from './difference.js';
import { stepText, summaryText } from './difference-text.js';
import type { Wanted } from './wanted.js';

export interface Plan {
  steps: Step[];
  /** Timeouts that differ, before and after; null where they don't. */
  timeouts: { before: Timeouts; after: Timeouts } | null;
}

export async function makePlan(wanted: Wanted, control: Control): Promise<Plan> {
  const steps = difference(await control.services(), wanted.services);
  if (wanted.timeouts === null) return { steps, timeouts: null };
  const before = await control.timeouts();
  const after: Timeouts = {
    tcpSeconds: wanted.timeouts.tcpSeconds || before.tcpSeconds,
    tcpFinSeconds: wanted.timeouts.tcpFinSeconds || before.tcpFinSeconds,
    udpSeconds: wanted.timeouts.udpSeconds || before.udpSeconds,
  };
  return { steps, timeouts: setText(after) === setText(before) ? null : { before, after } };
}

export function isDone({ steps, timeouts }: Plan): boolean {
  return steps.length === 0 && timeouts === null;
}

/** Rejects with the director's ControlError, and nothing has changed then: timeouts can't be refused. */
export async function carryOut({ steps, timeouts }: Plan, control: Control): Promise<void> {
  if (steps.length > 0) await control.apply(steps.map(({ change }) => change));
  if (timeouts !== null) await control.setTimeouts(timeouts.after);
}

/** A line for each change, as `stepText` has them. */
export async function planLines({ steps, timeouts }: Plan): Promise<string[]> {
  const lines = await Promise.all(steps.map(stepText));
  if (timeouts !== null) {
    lines.push(`~ ${setText(timeouts.after)}   (was ${setText(timeouts.before)})`);
  }
  return lines;
}

/** "2 servers added, timeouts set". */
export function planSummary({ steps, timeouts }: Plan): string {
  const parts = steps.length > 0 ? [summaryText(steps)] : [];
  if (timeouts !== null) parts.push('timeouts set');
  return parts.join(', ');
}

function setText({ tcpSeconds, tcpFinSeconds, udpSeconds }: Timeouts): string {
  return `--set ${tcpSeconds} ${tcpFinSeconds} ${udpSeconds}`;
}
