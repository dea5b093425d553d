/** Mutating text: by words and lines, which keeps it near to sense, and by bytes, which doesn't. */
import type { Random } from '../sim/random.js';
import { ByteMutator } from './bytes.js';

const MUTATIONS_MAX = 4;
/** Words that are at the edge of some rule in any grammar. */
const NASTY_WORDS = [
  '',
  '0',
  '-1',
  '1',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '1e9',
  '0x10',
  '007',
  '+5',
  ' 5',
  '9'.repeat(40),
  'NaN',
  'null',
  '-',
  '--',
  '=',
  '%s%n',
  '\u0000',
  '\ufeff',
  '\u2028',
  'é',
  '💥',
  'a'.repeat(300),
  '__proto__',
  'constructor',
  'toString',
];
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** What texts are made of: between two lines, between two words, and words worth trying. */
export interface Grammar {
  lines: string;
  words: string;
  vocabulary: readonly string[];
}

export class TextMutator {
  private readonly byteMutator: ByteMutator;

  constructor(
    private readonly grammar: Grammar,
    private readonly maxBytes: number,
  ) {
    this.byteMutator = new ByteMutator(maxBytes);
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    if (random.chance(0.2)) return this.byteMutator.mutate(input, other, random);
    const lines = textOf(input).split(this.grammar.lines);
    const others = textOf(other).split(this.grammar.lines);
    for (let left = 1 + random.below(MUTATIONS_MAX); left > 0; left--) {
      if (random.chance(0.4)) this.mutateLines(lines, others, random);
      else this.mutateWords(lines, others, random);
    }
    const bytes = bytesOf(lines.join(this.grammar.lines));
    return bytes.length > this.maxBytes ? bytes.subarray(0, this.maxBytes) : bytes;
  }

  private mutateLines(lines: string[], others: readonly string[], random: Random): void {
    const at = random.below(lines.length + 1);
    switch (random.below(4)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, random.of(lines));
        break;
      case 2:
        lines.splice(at, 0, random.of(others));
        break;
      default: {
        const [line] = lines.splice(at, 1);
        if (line !== undefined) lines.splice(random.below(lines.length + 1), 0, line);
      }
    }
    if (lines.length === 0) lines.push('');
  }

  private mutateWords(lines: string[], others: readonly string[], random: Random): void {
    const line = random.below(lines.length);
    const words = lines[line].split(this.grammar.words);
    const at = random.below(words.length);
    switch (random.below(6)) {
      case 0:
        words.splice(at, 1);
        break;
      case 1:
        words[at] = random.of(NASTY_WORDS);
        break;
      case 2:
        words.splice(at, 0, random.of(this.grammar.vocabulary));
        break;
      case 3:
        words[at] = random.of(this.grammar.vocabulary);
        break;
      case 4:
        words[at] = random.of(random.of(others).split(this.grammar.words));
        break;
      default:
        words[at] = mutateWord(words[at], random);
    }
    lines[line] = words.join(this.grammar.words);
  }
}

/** One character of a word more, less or another, or its number a little different. */
function mutateWord(word: string, random: Random): string {
  const number = /\d+/.exec(word);
  if (number !== null && random.chance(0.6)) {
    const value = random.chance(0.5)
      ? String(Number(number[0]) + random.below(5) - 2)
      : random.of(NASTY_WORDS);
    return word.replace(number[0], () => value);
  }
  const at = random.below(word.length + 1);
  const character = String.fromCharCode(32 + random.below(95));
  const rest = word.slice(at + random.below(2));
  return word.slice(0, at) + (random.chance(0.7) ? character : '') + rest;
}
