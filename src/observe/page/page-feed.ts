/**
 * Server-sent events for those who have the status page open: a message a second, made of one snapshot for all of
 * them. While nobody looks nothing is done. A client that is slow misses messages, not seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { State } from '../../../dataplane/state.js';
import type { Snapshot } from '../../control/snapshot.js';
import type { HttpAnswer, HttpRequest } from '../http-server.js';
import type { Observer } from '../snapshot.js';
import { ConnectionWatch } from './connection-watch.js';
import type { NewestConnections } from './message.js';
import { pageMessage } from './page-message.js';

/** Pages at once; the next one is told so, and tries again. */
export const PAGES_MAX = 8;
const INTERVAL_MS = 1000;
/** After which a page that was hung up on, or refused, asks again. */
const RETRY_MS = 2000;

export interface PageFeedOptions {
  observer: Pick<Observer, 'snapshot'>;
  /** The tables that are in use, null while there are none. */
  state: () => State | null;
  /** The clock of the tables, in ticks. */
  clock: () => number;
}

/** A page that asks for something else hangs up and calls again: what was seen before is remembered so long. */
const MEMORY_MS = 10_000;

interface Page {
  /** Of services and servers. */
  rows: string;
  /** Of connections. */
  connections: string;
}

interface Reading {
  number: number;
  snapshot: Snapshot | null;
  newest: ReadonlyMap<string, NewestConnections>;
  /** Why there is no snapshot. */
  problem: string;
}

export class PageFeed {
  private readonly pages = new Set<Page>();
  private watch: ConnectionWatch | null = null;
  private forgetting: NodeJS.Timeout | undefined;
  private latest: Promise<Reading> | null = null;
  private number = 0;
  private lastAtMs = 0;

  constructor(private readonly options: PageFeedOptions) {}

  /** Answers GET /events?rows=TEXT&connections=FILTER. */
  answer({ url, signal }: HttpRequest): HttpAnswer {
    const rows = url.searchParams.get('rows') ?? '';
    const connections = url.searchParams.get('connections') ?? '';
    return {
      contentType: 'text/event-stream',
      body: this.events({ rows, connections }, signal),
    };
  }

  private async *events(page: Page, signal: AbortSignal): AsyncGenerator<string> {
    yield `retry: ${RETRY_MS}\n\n`;
    if (this.pages.size >= PAGES_MAX) {
      yield event('refused', `${PAGES_MAX} pages are open already`);
      return;
    }
    this.enter(page);
    const end = new Promise<null>((resolve) => {
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    try {
      let seen = 0;
      while (!signal.aborted) {
        const reading = await Promise.race([this.readingAfter(seen), end]);
        if (reading === null) return;
        seen = reading.number;
        const newest = reading.newest.get(page.connections);
        if (reading.snapshot === null) yield event('problem', reading.problem);
        // A reading that was begun before this page was there lacks its filter.
        else if (newest !== undefined) {
          yield event('message', pageMessage(reading.snapshot, page.rows, newest));
        }
      }
    } finally {
      this.leave(page);
    }
  }

  private enter(page: Page): void {
    this.pages.add(page);
    clearTimeout(this.forgetting);
  }

  private leave(page: Page): void {
    this.pages.delete(page);
    if (this.pages.size > 0) return;
    this.forgetting = setTimeout(() => (this.watch = null), MEMORY_MS).unref();
  }

  /** The first reading later than that number: the one under way, or a new one when its second has come. */
  private async readingAfter(number: number): Promise<Reading> {
    if (this.latest === null || this.number <= number) {
      this.number++;
      this.latest = this.read(this.number);
    }
    const reading = await this.latest;
    return reading.number > number ? reading : this.readingAfter(number);
  }

  private async read(number: number): Promise<Reading> {
    const now = performance.now();
    await sleep(Math.max(0, this.lastAtMs + INTERVAL_MS - now));
    this.lastAtMs = performance.now();
    try {
      const snapshot = await this.options.observer.snapshot();
      return { number, snapshot, newest: await this.newest(snapshot), problem: '' };
    } catch (error) {
      return { number, snapshot: null, newest: new Map(), problem: (error as Error).message };
    }
  }

  private async newest({ takenAtMs }: Snapshot): Promise<Map<string, NewestConnections>> {
    const state = this.options.state();
    if (state === null) return new Map();
    if (this.watch?.state !== state) this.watch = new ConnectionWatch(state);
    const filters = [...this.pages].map(({ connections }) => connections);
    return this.watch.look(filters, this.options.clock, takenAtMs);
  }
}

/** JSON has no bare newline, which would end an event's data. */
function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
