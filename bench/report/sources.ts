/** Files of results, whichever there are. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../src/package.js';
import type { Machine } from '../macro/machine.js';
import { contentOf, parseResults, type Results } from '../macro/results.js';
import { resultsTable } from '../macro/table.js';
import { parseScaleResults, type ScaleResults } from '../scale/results.js';
import { isScraped, scrapesLine } from '../metrics/scrapes-line.js';
import { scaleTable } from '../scale/table.js';
import { goalsTable } from './goals.js';
import { resultsPictures, seriesPictures, type Picture } from './plots.js';
import { seriesOf } from './series.js';

/** In this order; each is what a command writes unless it is told otherwise. */
export const STANDARD_FILES = ['side-by-side.json', 'ipvs.json', 'scale.json', 'metrics.json'];

export interface Source {
  /** Of the file, without ".json". */
  readonly name: string;
  readonly title: string;
  readonly command: string;
  readonly date: string;
  /** Where it was measured, in a line. */
  readonly place: string;
  /** What is to be known of the machine if it was an emulated one. */
  readonly caution: string | null;
  /** All figures, as text. */
  readonly table: string;
  readonly pictures: readonly Picture[];
}

/** The standard files that there are. */
export function standardFiles(folder = join(packageRoot(), 'bench', 'results')): string[] {
  return STANDARD_FILES.map((name) => join(folder, name)).filter((file) => existsSync(file));
}

/** Throws LabError where a file can't be read or is nothing that can be drawn. */
export function readSource(file: string): Source {
  const name = basename(file, '.json');
  const content = contentOf(file);
  if (isScale(content)) return scaleSource(name, parseScaleResults(content, file));
  return resultsSource(name, parseResults(content, file));
}

/** Results by the number of live connections say which numbers there are. */
function isScale(content: unknown): boolean {
  const { settings } = (content ?? {}) as { settings?: { sizes?: unknown } };
  return settings?.sizes !== undefined;
}

function resultsSource(name: string, results: Results): Source {
  return {
    ...headOf(name, isScraped(results) ? 'While metrics are scraped' : 'Side by side', results),
    table: [resultsTable(results), goalsTable(results), scrapesLine(results)]
      .filter(Boolean)
      .join('\n\n'),
    pictures: resultsPictures(results, name),
  };
}

function scaleSource(name: string, results: ScaleResults): Source {
  return {
    ...headOf(name, 'As connections grow', results),
    table: scaleTable(results),
    pictures: seriesPictures(seriesOf(results), name),
  };
}

type Head = Pick<Results, 'command' | 'date' | 'machine' | 'emulation'>;

function headOf(name: string, title: string, { command, date, machine, emulation }: Head) {
  const isEmulated = emulation !== undefined;
  return {
    name,
    title: isEmulated ? `${title}, in an emulated machine` : title,
    command,
    date,
    place: placeOf(machine),
    caution: isEmulated ? `${emulation.by}. ${emulation.meaning}` : null,
  };
}

function placeOf({ processors, processor, memoryMb, kernel, node }: Machine): string {
  const memory = `${Math.round(memoryMb / 1024)} GB`;
  return `${processors} x ${processor}, ${memory}, Linux ${kernel}, Node ${node}`;
}
