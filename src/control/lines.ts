/**
 * A byte stream as lines. A line that grows beyond its limit is reported as soon as that is known and the
 * rest of it skipped, so that a reader holds `maxBytes` at most and finds its place again.
 */
const NEWLINE = 0x0a;

export type Line = { text: string } | { tooLong: true };

/** Lines end with a newline, which isn't part of `text`; an unfinished last line is a line as well. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let skipping = false;

  for await (const chunk of chunks) {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline;
      if (!skipping) {
        parts.push(chunk.subarray(start, end));
        length += end - start;
        if (length > maxBytes) {
          skipping = true;
          parts = [];
          yield { tooLong: true };
        }
      }
      start = end + 1;
      if (newline === -1) break;
      if (!skipping) yield { text: Buffer.concat(parts).toString('utf8') };
      parts = [];
      length = 0;
      skipping = false;
    }
  }
  if (length > 0 && !skipping) yield { text: Buffer.concat(parts).toString('utf8') };
}
