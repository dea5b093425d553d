/**
 * `scraper.js PORT`: fetches a director's metrics every second, as Prometheus does, for as long as it is told to.
 *
 * | command | answer                                                                            |
 * |---------|-----------------------------------------------------------------------------------|
 * | begin   | {}; the first scrape has begun                                                    |
 * | end     | { scrapes, scrapeMs, scrapedBytes } since `begin`, once the last one is complete  |
 */
import { setTimeout as pause } from 'node:timers/promises';
import { goLast } from '../../macro/priority.js';
import { scrape, SCRAPE_EVERY_MS } from '../scrape.js';
import { obey } from '../../scale/programs/commands.js';

// Prometheus runs elsewhere: what it does with what it gets must not disturb here.
goLast();
const port = Number(process.argv[2]);
let scraping = Promise.resolve();
let seen = { scrapes: 0, scrapeMs: 0, scrapedBytes: 0 };
let stop = new AbortController();

async function scrapeAgainAndAgain(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const next = pause(SCRAPE_EVERY_MS, undefined, { signal }).catch(() => undefined);
    const { scrapeMs, bytes } = await scrape(port);
    seen.scrapes += 1;
    seen.scrapeMs += scrapeMs;
    seen.scrapedBytes += bytes;
    await next;
  }
}

await obey({
  begin: () => {
    seen = { scrapes: 0, scrapeMs: 0, scrapedBytes: 0 };
    stop = new AbortController();
    scraping = scrapeAgainAndAgain(stop.signal);
    return {};
  },
  end: async () => {
    stop.abort();
    await scraping;
    return seen;
  },
});
