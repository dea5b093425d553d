/** What is served at which path. */
import type { HttpHandler } from './http-server.js';
import { Metrics } from './metrics/exposition.js';
import type { Observer } from './snapshot.js';

export interface RoutesOptions {
  observer: Observer;
}

export function routesOf({ observer }: RoutesOptions): Map<string, HttpHandler> {
  const metrics = new Metrics(observer);
  return new Map<string, HttpHandler>([
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
