/** Mutating JSON by its structure: values exchanged, fields taken away, added, renamed, nested. */
import type { Random } from '../sim/random.js';
import { interestingNumber } from './bytes.js';

const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.5,
  1e308,
  -1e308,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  '',
  ' ',
  '0',
  'a',
  'x'.repeat(100),
  '\u0000',
  '💥',
  [],
  {},
  [[]],
  [null],
  { a: 1 },
];
const STRINGS_WITHOUT_MEANING = ['__proto__', 'constructor', 'toString', '', '0'];
const DEPTH_MAX = 40;

type Container = Record<string, unknown> | unknown[];

/** A copy of `value` with one change somewhere. `names` are keys, `words` strings worth trying. */
export function mutateJson(
  value: unknown,
  random: Random,
  names: readonly string[],
  words: readonly string[],
): unknown {
  const root = { value: structuredClone(value) };
  const places = placesOf(root);
  const [container, key] = random.of(places);
  if (Array.isArray(container) && random.chance(0.3)) {
    container.splice(random.below(container.length), 0, random.of(VALUES));
    return root.value;
  }
  const at = container as Record<string, unknown>;
  switch (random.below(8)) {
    case 0:
      remove(container, key);
      break;
    case 1:
      at[random.of(random.chance(0.8) ? names : STRINGS_WITHOUT_MEANING)] = at[key];
      break;
    case 2: {
      const [from, name] = random.of(places);
      at[key] = structuredClone((from as Record<string, unknown>)[name]);
      break;
    }
    case 3:
      at[key] = random.of(words);
      break;
    case 4:
      at[key] = interestingNumber(random);
      break;
    case 5:
      if (Array.isArray(container)) container.push(structuredClone(at[key]));
      else at[key] = [at[key]];
      break;
    case 6:
      for (let depth = random.below(DEPTH_MAX); depth >= 0; depth--) at[key] = { [key]: at[key] };
      break;
    default:
      at[key] = structuredClone(random.of(VALUES));
  }
  return root.value;
}

/** Every place in it that holds a value. */
function placesOf(root: Container): [Container, string][] {
  const places: [Container, string][] = [];
  const waiting: Container[] = [root];
  for (let container = waiting.pop(); container !== undefined; container = waiting.pop()) {
    for (const [key, value] of Object.entries(container)) {
      places.push([container, key]);
      if (typeof value === 'object' && value !== null) waiting.push(value as Container);
    }
  }
  return places;
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}
