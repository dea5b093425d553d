/** Mutating sessions: steps are taken, exchanged and made, frames are changed field by field. */
import type { Random } from '../../sim/random.js';
import { ByteMutator, interestingNumber } from '../bytes.js';
import { fixChecksums, randomFrames, type Hosts } from './frame-maker.js';
import {
  COMMAND,
  FRAME_HEADER_BYTES,
  frameStep,
  HOST,
  joinSteps,
  KINDS,
  LONG_FRAME,
  stepsOf,
  TIME,
} from './steps.js';

const STEPS_MAX = 64;
const SESSION_MAX_BYTES = 16_384;
const FRAME_MAX_BYTES = 2048;
const MUTATIONS_MAX = 4;
/** Where fields are in the first bytes of a frame: Ethernet, IPv4, TCP or ICMP; and how wide. */
const FIELDS = [
  [12, 2], [14, 1], [15, 1], [16, 2], [18, 2], [20, 2], [22, 1], [23, 1], [26, 4], [30, 4], [33, 1], [29, 1],
  [34, 2], [36, 2], [38, 4], [46, 1], [47, 1], [42, 1], [44, 2], [51, 1], [54, 4], [58, 4], [62, 2], [64, 2],
] as const; // prettier-ignore

/** Changes sessions step by step, frames field by field. */
export class SessionMutator {
  private readonly bytes = new ByteMutator(SESSION_MAX_BYTES);
  private readonly frameBytes = new ByteMutator(FRAME_MAX_BYTES);

  constructor(private readonly hosts: Hosts) {}

  mutate(session: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    if (random.chance(0.03)) return this.bytes.mutate(session, other, random);
    const steps = stepsOf(session);
    const others = stepsOf(other);
    for (let left = 1 + random.below(MUTATIONS_MAX); left > 0; left--) {
      this.change(steps, others, random);
    }
    return joinSteps(steps.slice(0, STEPS_MAX));
  }

  private change(steps: Uint8Array[], others: Uint8Array[], random: Random): void {
    const at = random.below(steps.length + 1);
    switch (random.below(12)) {
      case 0:
        if (steps.length > 1) steps.splice(at, 1 + random.below(3));
        break;
      case 1: {
        const from = random.below(others.length);
        steps.splice(at, 0, ...others.slice(from, from + 1 + random.below(8)));
        break;
      }
      case 2:
        steps.splice(at, 0, ...steps.slice(at, at + 1 + random.below(4)));
        break;
      case 3:
        steps.splice(at, 0, Uint8Array.of(TIME, random.below(256)));
        break;
      case 4:
        steps.splice(at, 0, Uint8Array.of(COMMAND, random.below(256), random.below(256)));
        break;
      case 5:
        if (random.chance(0.3)) steps.splice(at, 0, Uint8Array.of(HOST, random.below(256)));
        break;
      case 6:
      case 7:
      case 8:
        steps.splice(at, 0, ...randomFrames(this.hosts, random));
        break;
      default:
        if (at < steps.length) steps[at] = this.changeStep(steps[at], random);
    }
  }

  private changeStep(step: Uint8Array, random: Random): Uint8Array {
    if (step[0] % KINDS >= LONG_FRAME || step.length <= FRAME_HEADER_BYTES) {
      return this.frameBytes.mutate(step, step, random);
    }
    let frame: Uint8Array = step.slice(FRAME_HEADER_BYTES);
    if (random.chance(0.2)) frame = this.frameBytes.mutate(frame, frame, random);
    else for (let left = 1 + random.below(3); left > 0; left--) changeField(frame, random);
    if (random.chance(0.9)) fixChecksums(frame);
    const offload = random.chance(0.2) ? random.below(128) : step[1] >> 1;
    return frameStep((step[1] & 1) ^ Number(random.chance(0.05)), offload, frame);
  }
}

function changeField(frame: Uint8Array, random: Random): void {
  const [offset, width] = random.of(FIELDS);
  if (offset + width > frame.length) return;
  const value = interestingNumber(random);
  for (let i = 0; i < width; i++) frame[offset + i] = value >>> (8 * (width - 1 - i));
}
