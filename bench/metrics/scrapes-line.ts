/** What the scrapes came to that were made beside a run's measurements. */
import { formatted } from '../columns.js';
import type { Results } from '../macro/results.js';
import { spreadOf } from '../macro/statistics.js';

const MEGABYTE = 1e6;

export function isScraped({ samples }: Results): boolean {
  return samples.some(({ details }) => (details['scrapes'] ?? 0) > 0);
}

/** A line for people; '' where there were none. */
export function scrapesLine({ samples }: Results): string {
  const scraped = samples.filter(({ details }) => (details['scrapes'] ?? 0) > 0);
  if (scraped.length === 0) return '';
  const each = (key: string) => scraped.map(({ details }) => details[key] / details['scrapes']);
  const { median, min, max } = spreadOf(each('scrapeMs'));
  const count = scraped.reduce((sum, { details }) => sum + details['scrapes'], 0);
  const megabytes = spreadOf(each('scrapedBytes')).median / MEGABYTE;
  const range = `${formatted(median, 0)} ms (${formatted(min, 0)} to ${formatted(max, 0)})`;
  return `${count} scrapes meanwhile, each of ${formatted(megabytes, 1)} MB, took ${range}`;
}
