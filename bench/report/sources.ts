/** Files of results, whichever there are. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LabError } from '../../lab/errors.js';
import { packageRoot } from '../../src/package.js';
import type { Machine } from '../macro/machine.js';
import { contentOf, parseResults, type Results } from '../macro/results.js';
import { resultsTable } from '../macro/table.js';
import { goalsTable } from './goals.js';
import { resultsPictures, seriesPictures, type Picture } from './plots.js';
import { seriesTable } from './series-table.js';
import { seriesSchema, type Series } from './series.js';

/** In this order; each is what a command writes unless it is told otherwise. */
export const STANDARD_FILES = ['side-by-side.json', 'ipvs.json', 'scale.json'];

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
  const series = seriesSchema.safeParse(content);
  if (series.success) return seriesSource(name, series.data);
  if (isSeries(content)) {
    throw new LabError(`${file} is no series of results: ${series.error.issues[0].message}`);
  }
  return resultsSource(name, parseResults(content, file));
}

function isSeries(content: unknown): boolean {
  return (content as { kind?: unknown } | null)?.kind === 'series';
}

function resultsSource(name: string, results: Results): Source {
  const { command, date, emulation } = results;
  return {
    name,
    title: emulation === undefined ? 'Side by side' : 'Side by side, in an emulated machine',
    command,
    date,
    place: placeOf(results.machine),
    caution: emulation === undefined ? null : `${emulation.by}. ${emulation.meaning}`,
    table: [resultsTable(results), goalsTable(results)].filter(Boolean).join('\n\n'),
    pictures: resultsPictures(results, name),
  };
}

function seriesSource(name: string, series: Series): Source {
  const { title, command, date, emulated } = series;
  return {
    name,
    title,
    command,
    date,
    place: placeOf(series.machine),
    caution:
      emulated === true ? 'Measured in an emulated machine: only ratios mean something.' : null,
    table: seriesTable(series),
    pictures: seriesPictures(series, name),
  };
}

type Place = Pick<Machine, 'processors' | 'processor' | 'memoryMb' | 'kernel' | 'node'>;

function placeOf(machine: Place): string {
  const { processors, processor, memoryMb, kernel, node } = machine;
  const memory = `${Math.round(memoryMb / 1024)} GB`;
  return `${processors} x ${processor}, ${memory}, Linux ${kernel}, Node ${node}`;
}
