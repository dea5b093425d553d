/** Counters in columns nine characters wide, blank included. */

const WIDTH = 9;
const THOUSAND = 1e3;
const MILLION = 1e6;
const BILLION = 1e9;
const TRILLION = 1e12;

/** From `from` on a counter is shown in units of `unit`, rounded down. */
const SCALES = [
  { from: 1e14, unit: TRILLION, letter: 'T' },
  { from: 1e11, unit: BILLION, letter: 'G' },
  { from: 1e9, unit: MILLION, letter: 'M' },
  { from: 1e8, unit: THOUSAND, letter: 'K' },
] as const;

/** "     1234", " 567890K", "   99999G" */
export function shortCell(value: number): string {
  const scale = SCALES.find(({ from }) => value >= from);
  if (scale === undefined) return String(value).padStart(WIDTH);
  return `${Math.floor(value / scale.unit)}`.padStart(WIDTH - 1) + scale.letter;
}

/** All digits, with a blank before them: wider where they don't fit. */
export function exactCell(value: number): string {
  return ` ${value}`.padStart(WIDTH);
}
