/** What is served at which path. */
import type { State } from '../../dataplane/state.js';
import type { HttpHandler } from './http-server.js';
import { Metrics } from './metrics/exposition.js';
import { PageFeed } from './page/page-feed.js';
import { PAGE_PATHS, PageFiles } from './page/page-files.js';
import type { Observer } from './snapshot.js';

export interface RoutesOptions {
  observer: Observer;
  /** The tables that are in use, null while there are none. */
  state: () => State | null;
  /** The clock of the tables, in ticks. */
  clock: () => number;
}

export function routesOf(options: RoutesOptions): Map<string, HttpHandler> {
  const { observer } = options;
  const metrics = new Metrics(observer);
  const files = new PageFiles();
  const feed = new PageFeed(options);
  return new Map<string, HttpHandler>([
    ...PAGE_PATHS.map((path) => [path, () => files.answer(path)] as const),
    ['/events', (request) => feed.answer(request)],
    ['/metrics', () => metrics.answer()],
    [
      '/snapshot.json',
      async () => ({
        contentType: 'application/json',
        body: JSON.stringify(await observer.snapshot()),
      }),
    ],
  ]);
}
