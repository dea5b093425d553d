/** What the chains of a hook do with a packet, as far as that is certain. */
import type { RulesetChain } from '../../../../dataplane/sys/nft-ruleset.js';
import { judge } from './expressions.js';
import type { Packet } from './packet.js';

/** Deeper than the kernel lets chains call each other. */
const DEPTH_MAX = 20;

/** Who drops it. */
export interface Dropper {
  chain: RulesetChain;
  /** Null where it is the chain's policy. */
  handle: bigint | null;
}

/** Where packets pass: chains of these families on this hook, on this device where it isn't empty. */
export interface Place {
  families: readonly number[];
  hook: number;
  device?: string;
}

/** Who certainly drops the packet at this place; null where nobody does, or it depends on what isn't known. */
export function dropperAt(
  ruleset: readonly RulesetChain[],
  place: Place,
  packet: Packet,
): Dropper | null {
  const chains = ruleset
    .filter((chain) => isAt(chain, place))
    .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
  for (const chain of chains) {
    const fate = walk(chain, ruleset, packet, 0);
    if (fate.kind === 'drop') return fate.dropper;
    if (fate.kind === 'end' && fate.isCertain && chain.dropsByPolicy)
      return { chain, handle: null };
  }
  return null;
}

function isAt({ family, hook }: RulesetChain, place: Place): boolean {
  if (hook === null || hook.number !== place.hook || !place.families.includes(family)) return false;
  return place.device === undefined || hook.devices.includes(place.device);
}

type Fate =
  | { kind: 'drop'; dropper: Dropper; isCertain: true }
  /** Accepted, or come to the chain's end. */
  | { kind: 'accept' | 'end'; isCertain: boolean };

/** `isCertain` false: perhaps it was accepted on the way. */
function walk(
  chain: RulesetChain,
  ruleset: readonly RulesetChain[],
  packet: Packet,
  depth: number,
): Fate {
  let isCertain = true;
  for (const rule of chain.rules) {
    const outcome = judge(rule, packet, chain.sets);
    const { verdict } = outcome;
    if (verdict === null) continue;
    if (!outcome.isCertain) {
      // What is perhaps dropped here and certainly later is dropped.
      if (verdict.kind !== 'drop') isCertain = false;
      continue;
    }
    if (verdict.kind === 'drop') {
      return isCertain
        ? { kind: 'drop', dropper: { chain, handle: rule.handle }, isCertain }
        : { kind: 'accept', isCertain };
    }
    if (verdict.kind === 'accept') return { kind: 'accept', isCertain };
    if (verdict.kind === 'return') break;
    if (verdict.kind !== 'jump' && verdict.kind !== 'goto') continue;
    const next = chainNamed(verdict.chain, chain, ruleset);
    if (next === undefined || depth === DEPTH_MAX) continue;
    const fate = walk(next, ruleset, packet, depth + 1);
    if (fate.kind === 'drop' && !isCertain) return { kind: 'accept', isCertain };
    if (fate.kind !== 'end')
      return fate.kind === 'drop' ? fate : { ...fate, isCertain: fate.isCertain && isCertain };
    isCertain &&= fate.isCertain;
    if (verdict.kind === 'goto') break;
  }
  return { kind: 'end', isCertain };
}

function chainNamed(
  name: string,
  { family, table }: RulesetChain,
  ruleset: readonly RulesetChain[],
): RulesetChain | undefined {
  return ruleset.find((one) => one.name === name && one.table === table && one.family === family);
}
