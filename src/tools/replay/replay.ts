/** Replays scenarios and says which agree with what was recorded. */
import { compareCommand, comparePackets, type Difference } from './compare.js';
import { Player, Unsupported } from './player.js';
import type { Scenario, Step } from './scenario.js';
import { splitWords } from './words.js';

/** A step that came out differently. */
export interface StepDifference extends Difference {
  /** From 1. */
  step: number;
  atMs: number;
  /** The command, or the packet that arrived. */
  cause: string;
}

export type Verdict = 'agrees' | 'differs' | 'unsupported';

export interface ScenarioResult {
  name: string;
  family: string;
  about: string;
  place: string;
  steps: number;
  verdict: Verdict;
  /** What isn't supported. */
  reason?: string;
  differences: StepDifference[];
}

export async function replay(scenario: Scenario, place: string): Promise<ScenarioResult> {
  const { name, family, about, steps } = scenario;
  const differences: StepDifference[] = [];
  const result = { name, family, about, place, steps: steps.length, differences };
  try {
    const player = new Player(scenario);
    await player.set(scenario.sysctl ?? {});
    for (const [i, step] of steps.entries()) {
      player.advanceTo(step.at);
      for (const difference of await play(player, step)) {
        differences.push({ step: i + 1, atMs: step.at, cause: causeOf(step), ...difference });
      }
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return { ...result, differences: [], verdict: 'unsupported', reason: error.message };
  }
  return { ...result, verdict: differences.length === 0 ? 'agrees' : 'differs' };
}

async function play(player: Player, step: Step): Promise<Difference[]> {
  if ('adm' in step) {
    return compareCommand(step, await player.command(splitWords(step.adm), step.stdin ?? ''));
  }
  if ('rx' in step) {
    const packet = Buffer.from(step.ip, 'hex');
    return comparePackets(step.tx, player.packet(step.rx, packet), packet);
  }
  if ('sysctl' in step) {
    await player.set(step.sysctl);
    return [];
  }
  // The engine never sends anything by itself: what was recorded must be the kernel's work.
  return comparePackets(step.tx, { sent: [], leftToKernel: true, verdict: 'nothing' }, null);
}

function causeOf(step: Step): string {
  if ('adm' in step) return `ipvsadm ${step.adm}`;
  if ('rx' in step) return `${step.rx} ${step.note ?? step.ip}`;
  if ('sysctl' in step) return `sysctl ${JSON.stringify(step.sysctl)}`;
  return 'wait';
}
