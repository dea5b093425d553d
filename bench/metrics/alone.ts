/**
 * What a scrape costs by itself. The tables lie in files, as a data plane's do; another process maps them and serves
 * metrics, as a director does; this one scrapes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../micro/measure.js';
import { scrape, SCRAPE_EVERY_MS, type Scrape } from './scrape.js';
import { fillTables, type Size } from './tables.js';

/** The first ones are still being compiled. */
const WARM_UPS = 2;

export interface Round extends Scrape {
  /** Of the director. */
  readonly processorMs: number;
  /** For which the director does nothing else. */
  readonly longestMs: number;
}

export async function measureScrapes(size: Size, count: number): Promise<Round[]> {
  const directory = mkdtempSync('/dev/shm/uvs-bench-');
  process.once('exit', () => rmSync(directory, { recursive: true }));
  await fillTables(directory, size);
  return scrapeAll(directory, count);
}

export function scrapesTable({ servers, connections }: Size, rounds: readonly Round[]): string {
  const row = (what: string, unit: string, number: (round: Round) => number): string => {
    const sorted = rounds.map(number).toSorted((a, b) => a - b);
    const spread = `${sorted[0]} to ${sorted[sorted.length - 1]}`;
    return `  ${what.padEnd(44)}${median(sorted)} ${unit} (${spread})\n`;
  };
  return (
    `${rounds.length} scrapes of ${servers} servers and ${connections} connections, median (and range):\n` +
    row('from question to the last byte', 'ms', ({ scrapeMs }) => Math.round(scrapeMs)) +
    row('megabytes', 'MB', ({ bytes }) => Math.round(bytes / 1e5) / 10) +
    row("the director's processor time", 'ms', ({ processorMs }) => processorMs) +
    row('longest the director does nothing else', 'ms', ({ longestMs }) => longestMs)
  );
}

async function scrapeAll(directory: string, count: number): Promise<Round[]> {
  const program = join(import.meta.dirname, 'programs', 'director.js');
  const director = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: director.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value as string;
  const port = Number(await next());
  const rounds: Round[] = [];
  for (let round = -WARM_UPS; round < count; round++) {
    director.stdin.write('begin\n');
    await next();
    const own = await scrape(port);
    director.stdin.write('end\n');
    const spent = JSON.parse(await next()) as Omit<Round, keyof Scrape>;
    if (round >= 0) rounds.push({ ...own, ...spent });
    await pause(SCRAPE_EVERY_MS);
  }
  director.stdin.end();
  await once(director, 'exit');
  return rounds;
}
