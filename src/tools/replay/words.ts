/** Splits a command line into words as a POSIX shell does, without expansions. */

/** @throws Error where a quote isn't closed or a backslash stands at the end */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) throw new Error(`a ' is not closed: ${line}`);
      word = (word ?? '') + line.slice(i + 1, end);
      i = end;
    } else if (character === '"') {
      const [text, end] = doubleQuoted(line, i + 1);
      word = (word ?? '') + text;
      i = end;
    } else if (character === '\\') {
      if (i + 1 === line.length) throw new Error(`nothing after the last \\: ${line}`);
      word = (word ?? '') + line[++i];
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** The text from `start` to the closing quote, where a backslash only quotes itself and the quote. */
function doubleQuoted(line: string, start: number): [text: string, end: number] {
  let text = '';
  for (let i = start; i < line.length; i++) {
    if (line[i] === '"') return [text, i];
    if (line[i] === '\\' && (line[i + 1] === '"' || line[i + 1] === '\\')) i += 1;
    text += line[i];
  }
  throw new Error(`a " is not closed: ${line}`);
}
