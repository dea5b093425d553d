/** What is served at which path. */
import type { HttpHandler } from './http-server.js';
import type { Observer } from './snapshot.js';

export interface RoutesOptions {
  observer: Observer;
}

export function routesOf({ observer }: RoutesOptions): Map<string, HttpHandler> {
  return new Map<string, HttpHandler>([
    [
      '/snapshot.json',
      async () => ({
        contentType: 'application/json',
        body: JSON.stringify(await observer.snapshot()),
      }),
    ],
  ]);
}
