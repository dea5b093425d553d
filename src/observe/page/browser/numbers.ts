/** Numbers as text, for the status page and for `uvs top`. */

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
/** Up to here a number is shown as it is. */
const EXACT_MAX = 9999;

/** Five characters at most: 0, 9999, 10.0k, 123k, 1.23M, 45.6G; three digits once it gets long. */
export function short(value: number): string {
  let rest = Math.round(value);
  if (rest <= EXACT_MAX) return String(rest);
  let prefix = 0;
  // 999.5 of anything would be written as 1000.
  while (rest >= 999.5 && prefix < PREFIXES.length - 1) {
    rest /= 1000;
    prefix++;
  }
  return `${threeDigits(rest)}${PREFIXES[prefix]}`;
}

/** 1234567 as "1 234 567". */
export function grouped(value: number): string {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}
