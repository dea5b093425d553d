/** What the words of a command line mean. All throw LabError where they make no sense. */
import { LabError } from '../lab/errors.js';

/** Those of `all` that a list names by their id or its beginning, in the order of `all`. */
export function chosen<T>(
  what: string,
  list: string | undefined,
  all: readonly T[],
  id: (item: T) => string,
): T[] {
  if (list === undefined) return [...all];
  const words = list.split(',').filter(Boolean);
  const isNamed = (item: T, word: string) => id(item) === word || id(item).startsWith(`${word}-`);
  const unknown = words.find((word) => !all.some((item) => isNamed(item, word)));
  if (unknown !== undefined) {
    throw new LabError(`there is no ${what} '${unknown}'; there are ${all.map(id).join(', ')}`);
  }
  return all.filter((item) => words.some((word) => isNamed(item, word)));
}

export function wholeNumber(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LabError(`--${name} must be a whole number from 1 to 9999, not '${text}'`);
}

/** From 0.1 to 999, with two decimals at most. */
export function decimal(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (/^\d{1,3}(\.\d{1,2})?$/.test(text) && Number(text) >= 0.1) return Number(text);
  throw new LabError(`--${name} must be a number from 0.1 to 999, not '${text}'`);
}

export function inRange(name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new LabError(`--${name} must be a whole number from ${min} to ${max}, not '${text}'`);
}
