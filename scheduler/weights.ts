/** Arithmetic on weights. */

/** Greatest common divisor of two integers >= 0; of 0 and b it is b. */
export function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
