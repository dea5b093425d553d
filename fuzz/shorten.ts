/** Making what fails small: first the inputs that aren't needed go, then pieces of the one that is left. */
import type { Target } from './target.js';

const PIECES = 2;

/** What a failure is told apart by: its text without numbers, and where it was thrown. */
export function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\n\s+at (.*)/.exec(error.stack ?? '')?.[1] ?? '';
  return `${error.name}: ${error.message} ${place}`.replace(/"[^"]*"|0x[\da-f]+|-?\d+/g, '#');
}

/**
 * Fewer and shorter inputs that fail in the same way, as far as one gets in that time. The target is reset before
 * each try.
 */
export async function shorten(
  target: Target,
  inputs: readonly Uint8Array[],
  signature: string,
  timeMs: number,
): Promise<Uint8Array[]> {
  const trial = new Trial(target, signature, performance.now() + timeMs);
  const last = inputs.slice(-1);
  if (!(await trial.fails(last))) {
    return [...(await shortenList(inputs, (some) => trial.fails(some)))];
  }
  const bytes = await shortenList([...last[0]], (some) => trial.fails([Uint8Array.from(some)]));
  return [Uint8Array.from(bytes)];
}

class Trial {
  constructor(
    private readonly target: Target,
    private readonly signature: string,
    private readonly endMs: number,
  ) {}

  /** True where the last of the inputs fails as it did. */
  async fails(inputs: readonly Uint8Array[]): Promise<boolean> {
    if (performance.now() >= this.endMs) return false;
    await this.target.reset();
    for (const input of inputs) {
      try {
        await this.target.run(input);
      } catch (error) {
        return signatureOf(error) === this.signature;
      }
    }
    return false;
  }
}

/** Takes pieces out, halves first and smaller ones later, as long as it still fails. */
async function shortenList<T>(
  list: readonly T[],
  fails: (shorter: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let shortest = list;
  let piece = Math.ceil(list.length / PIECES);
  while (piece >= 1) {
    let at = 0;
    while (at < shortest.length) {
      const without = [...shortest.slice(0, at), ...shortest.slice(at + piece)];
      if (without.length < shortest.length && (await fails(without))) shortest = without;
      else at += piece;
    }
    if (piece === 1) break;
    piece = Math.ceil(piece / PIECES);
  }
  return shortest;
}
