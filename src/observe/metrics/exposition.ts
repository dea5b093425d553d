/**
 * All metrics as Prometheus reads them (text format 0.0.4), piece by piece. What there is of each service and server
 * is written straight from the tables: with ten thousand servers a registry would keep an object for each of
 * hundreds of thousands of values. A little at a time: other work of the director goes on meanwhile.
 */
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import type { Snapshot } from '../../control/snapshot.js';
import type { HttpAnswer } from '../http-server.js';
import { Pace } from '../pace.js';
import type { Observer, Overview } from '../snapshot.js';
import type { Family } from './family.js';
import { DIRECTOR_FAMILIES, IPVS_DIRECTOR_FAMILIES } from './director-families.js';
import { LabelBook } from './labels.js';
import { LineWriter } from './line-writer.js';
import { Readings } from './readings.js';
import { directorRegistry, HISTOGRAM_FAMILIES } from './registry.js';
import {
  IPVS_SERVER_FAMILIES,
  SERVER_FAMILIES,
  SERVER_STATES,
  SERVICE_FAMILIES,
} from './server-families.js';

/** All that there are, whoever writes them. */
export const FAMILIES: readonly Family[] = [
  ...DIRECTOR_FAMILIES,
  ...HISTOGRAM_FAMILIES,
  ...SERVICE_FAMILIES,
  ...SERVER_FAMILIES,
  SERVER_STATES,
  ...IPVS_DIRECTOR_FAMILIES,
  ...IPVS_SERVER_FAMILIES,
];

/** Lines between two looks at the time. */
const LINES_PER_LOOK = 50;

/** What follows the labels. */
const END = Buffer.from('} ');
const STATES_NAME = nameOf(SERVER_STATES);
/** By TCP state. */
const STATE_ENDS = STATE_NAMES.map((state) => Buffer.from(`,state="${state}"} `));

/** All that there is of a server. */
const ALL_SERVER_FAMILIES = [...SERVER_FAMILIES, ...IPVS_SERVER_FAMILIES];

export class Metrics {
  private snapshot: Snapshot | null = null;
  private readonly registry = directorRegistry(() => {
    if (this.snapshot === null) throw new Error('metrics are asked for before there is a snapshot');
    return this.snapshot;
  });
  private readonly labels = new LabelBook();

  constructor(private readonly observer: Pick<Observer, 'overview'>) {}

  /** Rejects with ControlError where there is no data plane yet. */
  async answer(): Promise<HttpAnswer> {
    const overview = await this.observer.overview();
    this.snapshot = { ...overview.figures, services: [] };
    const ofDirector = await this.registry.metrics();
    return {
      contentType: this.registry.contentType,
      body: pieces(ofDirector, overview, this.labels),
    };
  }
}

/** Not as one string: with ten thousand servers it has twenty megabytes. */
async function* pieces(
  ofDirector: string,
  overview: Overview,
  labels: LabelBook,
): AsyncGenerator<Uint8Array> {
  const pace = new Pace();
  const out = new LineWriter();
  out.text(ofDirector);
  const readings = await Readings.take(overview, ALL_SERVER_FAMILIES, labels, pace);
  const { services, servers } = readings;
  const written = (family: Family, rows: number, write: (row: number) => void) =>
    linesOf({ out, pace, family, rows, write });
  for (const family of SERVICE_FAMILIES) {
    const name = nameOf(family);
    yield* written(family, services.length, (row) =>
      out.line(name, services[row].labels, END, family.value(services[row].about)),
    );
  }
  for (const [f, family] of ALL_SERVER_FAMILIES.entries()) {
    const name = nameOf(family);
    const key = f < SERVER_FAMILIES.length ? 'own' : 'ipvs';
    yield* written(family, servers.length, (row) =>
      out.line(name, servers[row].labels[key], END, readings.value(f, row)),
    );
  }
  yield* written(SERVER_STATES, servers.length, (row) => writeStates(out, overview, servers[row]));
  yield* out.rest();
}

interface Lines {
  out: LineWriter;
  pace: Pace;
  family: Family;
  rows: number;
  /** Writes what there is of one row. */
  write: (row: number) => void;
}

/** A family's head and the lines of all rows; yields the pieces that are complete. */
async function* linesOf({ out, pace, family, rows, write }: Lines): AsyncGenerator<Uint8Array> {
  out.text(headOf(family));
  for (let row = 0; row < rows; row++) {
    write(row);
    if (row % LINES_PER_LOOK !== 0 || !pace.nap()) continue;
    yield* out.taken();
    await pace.turn();
  }
}

function writeStates(
  out: LineWriter,
  { census }: Overview,
  { labels, record }: Readings['servers'][number],
): void {
  for (const [state, end] of STATE_ENDS.entries()) {
    const count = census.countOf(record, state);
    if (count > 0) out.line(STATES_NAME, labels.own, end, count);
  }
}

/** As a line begins. */
function nameOf({ name }: Family): Uint8Array {
  return Buffer.from(`${name}{`);
}

function headOf({ name, help, type }: Family): string {
  return `\n# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
