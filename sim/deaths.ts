/**
 * Deaths of the data plane at a chosen write, and what is expected of whoever comes after: everything that the
 * interrupted step had nothing to do with is as it was, and a command was carried out or wasn't.
 */
import type { StateMemory } from '../dataplane/state.js';
import { ControlError } from '../src/control/api.js';
import type { VirtualServer } from '../src/virtual-server/virtual-server.js';
import { WriteTap, type Write } from './crash.js';
import { dieAtEveryWrite, takeOver, type Step } from './every-write.js';
import { checkInvariants } from './invariants.js';
import type { Plane } from './plane.js';
import type { Random } from './random.js';
import { configurationOf, Picture } from './recovery.js';
import { Violation } from './violation.js';
import type { Tally } from './world.js';

/** Where the next death comes: after so many writes of the next step of that kind. */
export interface Sentence {
  step: 'packets' | 'timers' | 'command' | 'restart';
  writes: number;
}

/** Writes of a command at which it is tried what happens if the data plane dies there. */
const REHEARSALS = 12;
/** Most words that are overwritten at a time, and how far into a table. */
const DAMAGED_MAX = 20;
const DAMAGED_SPANS = [8, 64, 1000];

export class Deaths {
  sentence: Sentence | null = null;
  /** What was there before the step that was cut short, and what that step had written. */
  private picture: Picture | null = null;
  private writes: Write[] = [];
  /** Services and servers as the command that was cut short would have left them. */
  private intended: string | null = null;
  /** The tables were overwritten since a data plane last ran. */
  private isDamaged = false;
  /** They were overwritten at some time. */
  private wereOverwritten = false;

  constructor(private readonly tally: Tally) {}

  /** Keeps a picture of the tables, unless there is an earlier one that nobody has lived up to yet. */
  async remember(plane: Plane, memory: StateMemory): Promise<void> {
    this.picture ??= await Picture.of(plane.server, memory);
  }

  /** Runs a step; where that is what was sentenced, cuts it short. @returns true where the plane is dead now */
  async endsIn(
    step: Sentence['step'],
    plane: Plane,
    memory: StateMemory,
    run: () => unknown,
  ): Promise<boolean> {
    const { sentence } = this;
    if (sentence?.step !== step) {
      await run();
      return false;
    }
    this.sentence = null;
    await this.remember(plane, memory);
    const tap = new WriteTap(plane, memory);
    const wasCut = await tap.run(sentence.writes, () => refusable(run));
    // A restart has no business changing what a connection is.
    if (step !== 'restart') this.writes.push(...tap.writes);
    this.tally.add(`deaths in ${step}${wasCut ? '' : ' (at its end)'}`);
    return true;
  }

  /** Before a command is cut short: finds out what it is to do, dying at some of its writes on copies. */
  async rehearse(command: Step, random: Random): Promise<void> {
    const step = { ...command, wereOverwritten: this.wereOverwritten };
    const { after } = await dieAtEveryWrite(step, (writes) =>
      Array.from({ length: REHEARSALS }, () => random.below(writes + 1)),
    );
    this.intended = after;
  }

  /** Overwrites words of a table, as a disk or another program might. Nobody may be running. */
  damage(memory: StateMemory, random: Random): void {
    const { buffer } = random.of(Object.values(memory));
    const words = new Int32Array(buffer);
    const span = Math.min(random.of(DAMAGED_SPANS), words.length);
    for (let i = random.between(1, DAMAGED_MAX); i > 0; i--) {
      words[random.below(span)] = random.of([0, 1, -1, random.int32()]);
    }
    this.forget();
    this.isDamaged = this.wereOverwritten = true;
  }

  /** The tables are others now: nothing is expected of them. */
  forget(): void {
    this.picture = this.intended = null;
    this.writes = [];
  }

  /** Has a virtual server take the tables over. */
  takeOver(server: VirtualServer): void {
    if (this.isDamaged) server.rebuild();
    else takeOver(server, this.wereOverwritten);
  }

  /** What a data plane has taken over must be what the one before it left. */
  async checkRecovery(plane: Plane, memory: StateMemory): Promise<void> {
    const { picture, intended } = this;
    checkTables(plane);
    if (picture !== null) {
      picture.checkConnections(plane.server.state, memory, this.writes);
      const now = await configurationOf(plane.server);
      if (now !== picture.configuration && now !== intended) {
        const texts = `before:\n${picture.configuration}\nnow:\n${now}\nintended:\n${intended}`;
        throw new Violation('atomicity', `services and servers changed in a crash\n${texts}`);
      }
    }
    this.forget();
    this.isDamaged = false;
  }
}

/** Whether a data plane's tables contradict themselves. */
export function checkTables({ server }: Plane): void {
  try {
    checkInvariants(server.state);
  } catch (error) {
    throw new Violation('invariant', (error as Error).message);
  }
}

/** A command may also be refused before its director dies. */
async function refusable(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
}
