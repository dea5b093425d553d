/** The files the status page consists of: its own beside this one, the charts' from uPlot's package. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { HttpAnswer } from '../http-server.js';

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** The page runs its own scripts, talks to its own director, and is shown in nobody's frame. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
};

const require = createRequire(import.meta.url);

/** Path -> type and place. */
const FILES: Record<string, [type: string, place: () => string]> = {
  '/': [HTML, own('index.html')],
  '/page.css': [STYLE, own('page.css')],
  '/main.js': [SCRIPT, own('main.js')],
  '/charts.js': [SCRIPT, own('charts.js')],
  '/tables.js': [SCRIPT, own('tables.js')],
  '/sections.js': [SCRIPT, own('sections.js')],
  '/numbers.js': [SCRIPT, own('numbers.js')],
  '/uPlot.js': [SCRIPT, () => require.resolve('uplot/dist/uPlot.iife.min.js')],
  '/uPlot.css': [STYLE, () => require.resolve('uplot/dist/uPlot.min.css')],
};

export const PAGE_PATHS = Object.keys(FILES);

/** A file of the page; it is read when it is asked for the first time. */
export class PageFiles {
  private readonly contents = new Map<string, Uint8Array>();

  answer(path: string): HttpAnswer {
    const [contentType, place] = FILES[path];
    let body = this.contents.get(path);
    if (body === undefined) {
      body = readFileSync(place());
      this.contents.set(path, body);
    }
    return { contentType, headers: HEADERS, body };
  }
}

function own(name: string): () => string {
  return () => join(import.meta.dirname, 'browser', name);
}
