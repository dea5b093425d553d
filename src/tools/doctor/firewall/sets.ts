/** Whether something is in a set of nf_tables, and what a map has for it. */
import type { RulesetSet, SetElement } from '../../../../dataplane/sys/nft-sets.js';

const WORD_BYTES = 4;

/** `null`: it isn't in there. */
export type Lookup = SetElement | 'perhaps' | null;

/** `key` has the set's length. */
export function lookUp(set: RulesetSet, key: Buffer): Lookup {
  if (set.isDynamic) return 'perhaps';
  const found = elementOf(set, key) ?? set.elements.find((element) => element.key === null) ?? null;
  return found?.isConditional === true ? 'perhaps' : found;
}

function elementOf(set: RulesetSet, key: Buffer): SetElement | null {
  if (!set.isInterval) return exactlyIn(set).get(key.toString('latin1')) ?? null;
  if (set.fieldBytes.length > 1) return withinFields(set, key);
  const edges = edgesOf(set);
  // The last one that isn't beyond the key.
  let [from, to] = [0, edges.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (keyOf(edges[middle]).compare(key) <= 0) from = middle + 1;
    else to = middle;
  }
  const edge = from === 0 ? null : edges[from - 1];
  return edge === null || edge.isEnd ? null : edge;
}

function withinFields({ elements, fieldBytes }: RulesetSet, key: Buffer): SetElement | null {
  return (
    elements.find(({ key: first, keyEnd }) => {
      if (first === null) return false;
      const last = keyEnd ?? first;
      let at = 0;
      return fieldBytes.every((length) => {
        const [low, field, high] = [first, key, last].map((one) => one.subarray(at, at + length));
        at += Math.ceil(length / WORD_BYTES) * WORD_BYTES;
        return low.compare(field) <= 0 && field.compare(high) <= 0;
      });
    }) ?? null
  );
}

const exact = new WeakMap<RulesetSet, Map<string, SetElement>>();
const edges = new WeakMap<RulesetSet, SetElement[]>();

function exactlyIn(set: RulesetSet): Map<string, SetElement> {
  const known = exact.get(set);
  if (known !== undefined) return known;
  const byKey = new Map(
    set.elements.flatMap((element) =>
      element.key === null ? [] : [[element.key.toString('latin1'), element] as const],
    ),
  );
  exact.set(set, byKey);
  return byKey;
}

/** In ascending order; where one interval ends and the next one begins, the end first. */
function edgesOf(set: RulesetSet): SetElement[] {
  const known = edges.get(set);
  if (known !== undefined) return known;
  const sorted = set.elements
    .filter(({ key }) => key !== null)
    .toSorted((a, b) => keyOf(a).compare(keyOf(b)) || Number(b.isEnd) - Number(a.isEnd));
  edges.set(set, sorted);
  return sorted;
}

function keyOf({ key }: SetElement): Buffer {
  return key ?? Buffer.alloc(0);
}
