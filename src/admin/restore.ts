/** `-R` and `uvsadm-restore`: command lines from standard input. */
import { StringDecoder } from 'node:string_decoder';

/** Standard input: text, or pieces of it as they come. */
export type Input = string | AsyncIterable<string | Uint8Array>;

/** Lets lines that were saved as whole commands of a shell be restored. */
const PROGRAM_NAME = 'ipvsadm';

/** The command lines of an input, as words, as they come. Quotes and comments have no meaning. */
export async function* commandLines(input: Input): AsyncGenerator<string[]> {
  for await (const line of lines(input)) {
    const words = line.split(/[ \t\r]+/).filter((word) => word !== '' && word !== PROGRAM_NAME);
    if (words.length > 0) yield words;
  }
}

/** The lines without their line feeds. */
async function* lines(input: Input): AsyncGenerator<string> {
  let rest = '';
  for await (const text of pieces(input)) {
    const complete = (rest + text).split('\n');
    rest = complete.pop() ?? '';
    yield* complete;
  }
  // ipvsadm loses a last line that ends in two blanks and no line feed.
  if (!/[ \t\r]{2}$/.test(rest)) yield rest;
}

async function* pieces(input: Input): AsyncGenerator<string> {
  if (typeof input === 'string') {
    yield input;
    return;
  }
  const decoder = new StringDecoder('utf8');
  for await (const piece of input) {
    yield typeof piece === 'string' ? piece : decoder.write(Buffer.from(piece));
  }
}

/** What `uvsadm-restore` passes on to `-R`: all lines but those that begin with "#". */
export async function withoutComments(input: Input): Promise<string> {
  const kept: string[] = [];
  let text = '';
  for await (const piece of pieces(input)) text += piece;
  for (const line of text.split('\n')) if (!line.startsWith('#')) kept.push(line);
  return `${kept.join('\n').replace(/\n+$/, '')}\n`;
}
