/** All results as one page that needs nothing else. */
import { COLOURS_CSS } from './canvas.js';
import type { Source } from './sources.js';

const STYLE = `${COLOURS_CSS}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:Canvas;max-width:860px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem}h2{margin-top:3rem;border-bottom:1px solid var(--grid)}
figure{margin:2rem 0}figcaption{font-weight:600;margin-bottom:.5rem}
svg{max-width:100%;height:auto}pre{overflow-x:auto;font-size:12.5px;line-height:1.35}
p.caution{border-left:4px solid var(--orange);padding-left:1rem}`;

const INTRODUCTION =
  'Every sample is a dot, the stroke is the median, the line reaches from the smallest sample to the largest. ' +
  'Where two processors are shared by client, servers and director, the director changes sides from round to ' +
  'round: two heaps of dots are the two sides.';

export function reportPage(sources: readonly Source[]): string {
  const sections = sources.map(section).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>uvs: benchmarks</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>uvs: benchmarks</h1>
<p>${INTRODUCTION}</p>
${sections}
</body>
</html>
`;
}

function section({ name, title, command, date, place, caution, table, pictures }: Source): string {
  const figures = pictures.map(
    (picture) =>
      `<figure>\n<figcaption>${escaped(picture.title)}</figcaption>\n${picture.svg}</figure>`,
  );
  return `<section id="${escaped(name)}">
<h2>${escaped(title)}</h2>
<p><code>${escaped(command)}</code>, ${escaped(date.slice(0, 10))}; ${escaped(place)}</p>
${caution === null ? '' : `<p class="caution">${escaped(caution)}</p>\n`}${figures.join('\n')}
<details>
<summary>All figures</summary>
<pre>${escaped(table)}</pre>
</details>
</section>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
