/**
 * All metrics as Prometheus reads them (text format 0.0.4), piece by piece. What there is of each service and server
 * is written straight from the snapshot: with ten thousand servers a registry would keep an object for each of
 * hundreds of thousands of values. A little at a time: other work of the director goes on meanwhile.
 */
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import type { DestinationSnapshot, ServiceSnapshot, Snapshot } from '../../control/snapshot.js';
import type { HttpAnswer } from '../http-server.js';
import { Pace } from '../pace.js';
import type { Observer } from '../snapshot.js';
import type { Family } from './family.js';
import { DIRECTOR_FAMILIES, IPVS_DIRECTOR_FAMILIES } from './director-families.js';
import { LabelBook, serviceLabels } from './labels.js';
import { LineWriter } from './line-writer.js';
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

/** What has lines of its own, and its labels as they stand in a line: 'service="10.1.0.100:80",protocol="tcp"'. */
interface Row<T> {
  labels: Uint8Array;
  about: T;
}

interface ServerRow extends Row<DestinationSnapshot> {
  ipvsLabels: Uint8Array;
}

/** What follows the labels. */
const END = Buffer.from('} ');
const STATES_NAME = nameOf(SERVER_STATES);
const STATE_ENDS = Object.fromEntries(
  STATE_NAMES.map((state) => [state, Buffer.from(`,state="${state}"} `)]),
);

/** Writes the lines of one row. */
type WriteLines<T> = (row: T) => void;

export class Metrics {
  private snapshot: Snapshot | null = null;
  private readonly registry = directorRegistry(() => {
    if (this.snapshot === null) throw new Error('metrics are asked for before there is a snapshot');
    return this.snapshot;
  });

  private readonly labels = new LabelBook();

  constructor(private readonly observer: Pick<Observer, 'snapshot'>) {}

  /** Rejects with ControlError where there is no data plane yet. */
  async answer(): Promise<HttpAnswer> {
    const snapshot = await this.observer.snapshot();
    this.snapshot = snapshot;
    const ofDirector = await this.registry.metrics();
    return {
      contentType: this.registry.contentType,
      body: pieces(ofDirector, snapshot, this.labels),
    };
  }
}

/** Not as one string: with ten thousand servers it has twenty megabytes. */
async function* pieces(
  ofDirector: string,
  snapshot: Snapshot,
  labels: LabelBook,
): AsyncGenerator<Uint8Array> {
  const pace = new Pace();
  const out = new LineWriter();
  out.text(ofDirector);
  const services = snapshot.services.map((about) => ({
    labels: Buffer.from(serviceLabels(about)),
    about,
  }));
  const servers = await serverRows(snapshot.services, labels, pace);
  for (const family of SERVICE_FAMILIES) {
    yield* written(out, pace, family, services, rowWriter(out, family, family.value));
  }
  for (const family of SERVER_FAMILIES) {
    yield* written(out, pace, family, servers, rowWriter(out, family, family.value));
  }
  yield* written(out, pace, SERVER_STATES, servers, (row) => writeStates(out, row));
  for (const family of IPVS_SERVER_FAMILIES) {
    const name = nameOf(family);
    yield* written(out, pace, family, servers, ({ ipvsLabels, about }) =>
      out.line(name, ipvsLabels, END, family.value(about)),
    );
  }
  yield* out.rest();
}

/** A family's head and the lines of all rows; yields the pieces that are complete. */
async function* written<T>(
  out: LineWriter,
  pace: Pace,
  family: Family,
  rows: readonly T[],
  write: WriteLines<T>,
): AsyncGenerator<Uint8Array> {
  out.text(headOf(family));
  for (const [i, row] of rows.entries()) {
    write(row);
    if (i % LINES_PER_LOOK !== 0 || !pace.nap()) continue;
    yield* out.taken();
    await pace.turn();
  }
}

function rowWriter<T>(
  out: LineWriter,
  family: Family,
  value: (about: T) => number,
): WriteLines<Row<T>> {
  const name = nameOf(family);
  return ({ labels, about }) => out.line(name, labels, END, value(about));
}

function writeStates(out: LineWriter, { labels, about }: ServerRow): void {
  for (const [state, count] of Object.entries(about.states)) {
    out.line(STATES_NAME, labels, STATE_ENDS[state], count);
  }
}

async function serverRows(
  services: readonly ServiceSnapshot[],
  book: LabelBook,
  pace: Pace,
): Promise<ServerRow[]> {
  const rows: ServerRow[] = [];
  const labels = book.begin();
  for (const service of services) {
    for (const [i, { own, ipvs }] of labels.ofServers(service).entries()) {
      rows.push({ labels: own, ipvsLabels: ipvs, about: service.destinations[i] });
    }
    await pace.breathe();
  }
  return rows;
}

/** As a line begins. */
function nameOf({ name }: Family): Uint8Array {
  return Buffer.from(`${name}{`);
}

function headOf({ name, help, type }: Family): string {
  return `\n# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}
