/** What a terminal sends when keys are pressed, as names of keys. */

export type Key =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'interrupt'
  | 'suspend'
  | 'redraw'
  | { text: string };

const CONTROLS: Record<string, Key> = {
  '\u0003': 'interrupt',
  '\u0008': 'backspace',
  '\u000a': 'enter',
  '\u000c': 'redraw',
  '\u000d': 'enter',
  '\u001a': 'suspend',
  '\u001b': 'escape',
  '\u007f': 'backspace',
};

/** Without the ESC that they begin with; both modes of cursor keys, and the two ways to say Home and End. */
const SEQUENCES: Record<string, Key> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[H': 'home',
  '[F': 'end',
  OH: 'home',
  OF: 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[7~': 'home',
  '[8~': 'end',
};

/** A control sequence, a function key's, one character, in this order. */
// oxlint-disable-next-line no-control-regex
const TOKEN = /\u001b(\[[0-9;?]*[ -/]*[@-~]|O[@-~])|[^]/gu;
const PRINTABLE = /^[ -~]$/;

/**
 * The keys in what was read at once: a terminal sends a key's sequence in one piece, so an ESC that ends the
 * piece is the key of that name. What is no key that anything is done with is left out.
 */
export function readKeys(input: string): Key[] {
  const keys: Key[] = [];
  for (const [token, sequence] of input.matchAll(TOKEN)) {
    const key = sequence === undefined ? keyOf(token) : SEQUENCES[sequence];
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

function keyOf(character: string): Key | undefined {
  return PRINTABLE.test(character) ? { text: character } : CONTROLS[character];
}
