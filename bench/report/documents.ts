/**
 * Figures in Markdown documents. What stands between these two lines is written by `npm run bench:report`:
 *
 *     <!-- results of side-by-side -->
 *     <!-- end of results -->
 */
import type { Source } from './sources.js';

const BLOCK = /<!-- results of ([\w-]+) -->\n([\s\S]*?)<!-- end of results -->/g;

/** The document with the newest figures of those sources that it shows and that there are. */
export function withResults(document: string, sources: readonly Source[], plots: string): string {
  return document.replace(BLOCK, (block: string, name: string) => {
    const source = sources.find((one) => one.name === name);
    if (source === undefined) return block;
    return `<!-- results of ${name} -->\n${blockOf(source, plots)}<!-- end of results -->`;
  });
}

/** Names of the sources that a document shows. */
export function resultsShownIn(document: string): string[] {
  return [...document.matchAll(BLOCK)].map(([, name]) => name);
}

/** `plots`: path from the document to the folder of plots. */
function blockOf(source: Source, plots: string): string {
  const caution = source.caution === null ? '' : `**Emulated.** ${source.caution}\n\n`;
  const pictures = source.pictures.map(
    ({ name, title }) => `![${title}](${plots}/${name}.svg)\n\n`,
  );
  const table = source.table.split('\n').map((line) => `    ${line}`.trimEnd());
  return `
\`${source.command}\`: ${source.place}.

${caution}${pictures.join('')}${table.join('\n')}

`;
}
