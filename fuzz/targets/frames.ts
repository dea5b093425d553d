/**
 * Frames, whatever is in them, in sessions with commands, time and changes of the host between them.
 *
 * Two directors see the same session. A frame lies between guard bytes, which are others for each of the two: so
 * a byte that is written outside of the frame shows, and a byte that is read there makes a difference.
 */
import assert from 'node:assert/strict';
import { DROP_NAMES, dropReason } from '../../dataplane/drops.js';
import {
  ANSWER,
  DROP,
  HOLD,
  KERNEL,
  PARK,
  SEND,
  verdictKind,
  verdictValue,
} from '../../dataplane/verdict.js';
import { ipv4FrameHeaderBytes } from '../../dataplane/wire/ethernet.js';
import { checkHeader, HEADER_OK } from '../../dataplane/wire/ipv4.js';
import type { Random } from '../../sim/random.js';
import { checkInvariants } from '../../sim/invariants.js';
import { conduct } from '../frames/conduct.js';
import { HOSTS } from '../frames/hosts.js';
import { pause, Site } from '../frames/site.js';
import { SessionMutator } from '../frames/session-mutator.js';
import {
  COMMAND,
  FRAME_HEADER_BYTES,
  frameStep,
  joinSteps,
  KINDS,
  LONG_FRAME,
  LONG_FRAME_HEADER_BYTES,
  stepBytes,
  TIME,
} from '../frames/steps.js';
import { recordings } from '../recordings.js';
import { mustHold, type Target, Violation } from '../target.js';

const REASSEMBLY_FAILED = dropReason('reassembly_failed');
const GUARD_BYTES = 64;
const GUARDS = [0x00, 0xff];
const FRAME_MAX_BYTES = 65_535;
const BUDGET = 100_000;
/** Calls of `advance`, each with that budget, that a session's tables can keep busy. */
const ADVANCES_MAX = 100;
const GSO_SIZES = [0, 0, 0, 1448, 1460, 536, 1, 65_535];
const PAUSES = [1, 10, 100, 700, 1300, 6500, 13_000, 90_000];
const FAMILIES = ['nat', 'tcp', 'persist', 'miss', 'sched', 'timeout', 'random', 'stats'];
const STEPS_PER_SEED = 40;
const REBUILD_EVERY = 8;

/** One of the two directors, and where its frames lie. */
class Side {
  readonly site: Site;
  readonly memory: Uint8Array;

  constructor(
    clock: { ticks: number },
    readonly guard: number,
  ) {
    this.site = new Site(clock);
    this.memory = new Uint8Array(FRAME_MAX_BYTES + 2 * GUARD_BYTES).fill(guard);
  }
}

export class FrameTarget implements Target {
  readonly name = 'frames';
  readonly about = 'frames that come in, in sessions with commands and time between them';
  private readonly mutator = new SessionMutator(HOSTS);
  private clock = { ticks: 0 };
  private sides: Side[] = [];
  private runs = 0;
  private fault: unknown = null;

  seeds(): Uint8Array[] {
    return recordings(FAMILIES, 30).map(({ scenario: { steps } }) => {
      const arrivals = steps.flatMap((step) => ('rx' in step ? [step] : []));
      return joinSteps(
        arrivals.slice(0, STEPS_PER_SEED).flatMap(({ rx, ip }) => {
          const frame = Buffer.concat([Buffer.alloc(12), Buffer.of(8, 0), Buffer.from(ip, 'hex')]);
          return [frameStep(rx === 'ext' ? 0 : 1, 0, frame), Uint8Array.of(TIME, 1)];
        }),
      );
    });
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    return this.mutator.mutate(input, other, random);
  }

  async reset(): Promise<void> {
    this.clock = { ticks: 0x7fff0000 };
    this.fault = null;
    this.runs = 0;
    this.sides = GUARDS.map((guard) => new Side(this.clock, guard));
    for (const { site } of this.sides) await site.setUp();
  }

  run(session: Uint8Array): number {
    const [one, other] = this.sides;
    pause(this.clock);
    one.site.restore();
    other.site.restore();
    this.runs += 1;
    let frames = 0;
    for (let at = 0; at < session.length;) {
      const length = stepBytes(session, at);
      if (session[at] % KINDS <= LONG_FRAME) {
        frames += 1;
        this.frame(session, at, length);
      } else this.happen(session, at);
      at += length;
    }
    checkInvariants(one.site.server.state);
    if (this.runs % REBUILD_EVERY === 0) {
      const { services, destinations, connections } = other.site.server.rebuild();
      mustHold(services + destinations + connections === 0, 'what was built can be taken over');
      checkInvariants(other.site.server.state);
    }
    if (this.fault !== null) throw this.fault;
    return frames;
  }

  /** A step that is no frame, on both sides. */
  private happen(session: Uint8Array, at: number): void {
    const kind = session[at] % KINDS;
    const which = session[at + 1] ?? 0;
    if (kind === TIME) return this.pass(PAUSES[which % PAUSES.length]);
    for (const { site } of this.sides) {
      if (kind !== COMMAND) site.changeNetwork(which);
      else conduct(site, which, session[at + 2] ?? 0, (error) => (this.fault = error));
    }
  }

  private pass(ticks: number): void {
    this.clock.ticks = (this.clock.ticks + ticks) | 0;
    for (const { site } of this.sides) {
      let calls = 0;
      while (site.server.advance(this.clock.ticks, BUDGET)) {
        mustHold(++calls < ADVANCES_MAX, 'the work that time brings has an end');
      }
    }
  }

  private frame(session: Uint8Array, at: number, stepLength: number): void {
    const isLong = session[at] % KINDS === LONG_FRAME;
    const start = at + (isLong ? LONG_FRAME_HEADER_BYTES : FRAME_HEADER_BYTES);
    const given = Math.max(0, at + stepLength - start);
    const said = (session[at + 2] ?? 0) | ((session[at + 3] ?? 0) << 8);
    const length = isLong ? Math.max(given, said) : given;
    const code = session[at + 1] >> 1;
    const offload = (code & 1) | (GSO_SIZES[(code >> 1) % GSO_SIZES.length] << 16);
    const port = session[at + 1] & 1;
    const [one, other] = this.sides;
    const verdict = process(one, session.subarray(start, start + given), length, port, offload);
    const same = process(other, session.subarray(start, start + given), length, port, offload);
    mustHold(verdict === same, 'a verdict depends on nothing outside of the frame');
    this.compare(length, verdictKind(verdict));
  }

  /** Frames, and answers, are the same on both sides, and nothing around the frame was touched. */
  private compare(length: number, kind: number): void {
    const [one, other] = this.sides;
    const end = GUARD_BYTES + length;
    for (const { memory, guard } of this.sides) {
      for (let i = 0; i < GUARD_BYTES; i++) {
        if (memory[i] === guard && memory[end + i] === guard) continue;
        throw new Violation('nothing is written outside of the frame');
      }
    }
    const isSame =
      Buffer.compare(
        one.memory.subarray(GUARD_BYTES, end),
        other.memory.subarray(GUARD_BYTES, end),
      ) === 0;
    mustHold(isSame, 'what a frame becomes depends on nothing outside of it');
    if (kind === ANSWER) compareAnswers(one.site, other.site);
    for (const { memory, guard } of this.sides) memory.fill(guard, GUARD_BYTES, end);
  }
}

/** Has a director process a frame, and checks the verdict. */
function process(
  side: Side,
  bytes: Uint8Array,
  length: number,
  port: number,
  offload: number,
): number {
  const { memory, site } = side;
  memory.set(bytes, GUARD_BYTES);
  if (length > bytes.length) memory.fill(0, GUARD_BYTES + bytes.length, GUARD_BYTES + length);
  const { engine } = site.server;
  const { counts } = engine.drops;
  const before = dropped(counts);
  const verdict = engine.process(memory, GUARD_BYTES, length, port, offload, site.clock.ticks);
  const counted = dropped(counts) - before;
  const value = verdictValue(verdict);
  switch (verdictKind(verdict)) {
    case KERNEL:
      mustHold(value <= 1 && counted === 0, 'what is left to the kernel is not counted as dropped');
      break;
    case SEND:
      mustHold(counted === 0, 'what is sent is not counted as dropped');
      mustHold(value === 0 || value === 1, 'frames leave by ports that are there');
      checkSent(memory, GUARD_BYTES, length);
      break;
    case ANSWER:
      mustHold(counted <= 1, 'an answered frame is counted once at most');
      checkAnswers(site, value);
      break;
    case PARK:
      mustHold(value > 0 && counted === 0, 'a parked frame waits for a hop');
      checkSent(memory, GUARD_BYTES, length);
      break;
    case DROP:
      mustHold(value > 0 && value < DROP_NAMES.length, 'a drop has a reason');
      mustHold(counted === 1, 'a drop is counted once');
      break;
    default:
      mustHold(verdict === HOLD && counted === 0, 'a held frame is not counted as dropped');
  }
  return verdict;
}

/** Only what has a right IP header is sent, and it still has one. */
function checkSent(memory: Uint8Array, offset: number, length: number): void {
  const ethernet = ipv4FrameHeaderBytes(memory, offset, length);
  mustHold(ethernet > 0, 'what is sent is IPv4');
  const check = checkHeader(memory, offset + ethernet, length - ethernet);
  mustHold(check === HEADER_OK, 'what is sent has a right IP header');
}

function checkAnswers(site: Site, port: number): void {
  const { answers } = site.server.engine;
  mustHold(port === 0 || port === 1, 'answers leave by ports that are there');
  mustHold(answers.count > 0, 'an answer is a frame at least');
  for (let i = 0; i < answers.count; i++) {
    mustHold(
      answers.offset[i] + answers.length[i] <= answers.memory.length,
      'answers have room in their queue',
    );
    checkSent(answers.memory, answers.offset[i], answers.length[i]);
  }
}

function compareAnswers(one: Site, other: Site): void {
  const [a, b] = [one.server.engine.answers, other.server.engine.answers];
  assert.equal(a.count, b.count);
  for (let i = 0; i < a.count; i++) {
    const bytes = a.memory.subarray(a.offset[i], a.offset[i] + a.length[i]);
    const same = b.memory.subarray(b.offset[i], b.offset[i] + b.length[i]);
    mustHold(Buffer.compare(bytes, same) === 0, 'answers depend on nothing outside of the frame');
  }
}

/** Frames dropped so far, but for fragments that were held and have waited in vain. */
function dropped(counts: Float64Array): number {
  let total = -counts[REASSEMBLY_FAILED];
  for (let i = 0; i < counts.length; i++) total += counts[i];
  return total;
}
