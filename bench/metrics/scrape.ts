/** One scrape, as Prometheus makes it. */

/** A snapshot is shared for a second: each scrape gets one of its own. */
export const SCRAPE_EVERY_MS = 1010;

export interface Scrape {
  /** From question to last byte. */
  readonly scrapeMs: number;
  readonly bytes: number;
}

/** Of the director whose metrics are at this port of this host's loopback address. */
export async function scrape(port: number): Promise<Scrape> {
  const start = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!response.ok) throw new Error(`scrape: ${response.status} ${await response.text()}`);
  const bytes = (await response.arrayBuffer()).byteLength;
  return { scrapeMs: performance.now() - start, bytes };
}
