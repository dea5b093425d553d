/**
 * The packet path is many small functions. V8's usual budget for inlining runs out half-way down it, and a
 * larger one takes a quarter off the cost of a packet (npm run bench:micro); a much larger one adds to it again.
 */
import { setFlagsFromString } from 'node:v8';

const INLINED_BYTECODE_MAX = 4000;

/** To be called before the engine has run often enough to be compiled. */
export function tuneCompiler(): void {
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE_MAX}`);
}
