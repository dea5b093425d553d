/**
 * All metrics as Prometheus reads them (text format 0.0.4), piece by piece. What there is of each service and server
 * is written straight from the snapshot: with ten thousand servers a registry would keep an object for each of
 * hundreds of thousands of values. Between two pieces other work of the director goes on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { endpointName } from '../../control/names.js';
import type { DestinationSnapshot, ServiceSnapshot, Snapshot } from '../../control/snapshot.js';
import type { HttpAnswer } from '../http-server.js';
import type { Observer } from '../snapshot.js';
import type { Family } from './family.js';
import { DIRECTOR_FAMILIES, IPVS_DIRECTOR_FAMILIES } from './director-families.js';
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

/** A piece takes a millisecond or two to write. */
const PIECE_LENGTH = 256 << 10;
/** Rows that are prepared between two turns of the event loop. */
const ROWS_PER_TURN = 2000;

/** What has lines of its own, and its labels as they stand in a line: 'service="10.1.0.100:80",protocol="tcp"'. */
interface Row<T> {
  labels: string;
  about: T;
}

interface ServerRow extends Row<DestinationSnapshot> {
  /** By node_exporter's names. */
  ipvsLabels: string;
}

/** A family's lines: of all rows, in the same form. */
type Block = () => Generator<string>;

export class Metrics {
  private snapshot: Snapshot | null = null;
  private readonly registry = directorRegistry(() => {
    if (this.snapshot === null) throw new Error('metrics are asked for before there is a snapshot');
    return this.snapshot;
  });

  constructor(private readonly observer: Pick<Observer, 'snapshot'>) {}

  /** Rejects with ControlError where there is no data plane yet. */
  async answer(): Promise<HttpAnswer> {
    const snapshot = await this.observer.snapshot();
    this.snapshot = snapshot;
    const ofDirector = await this.registry.metrics();
    return { contentType: this.registry.contentType, body: pieces(ofDirector, snapshot) };
  }
}

async function* pieces(ofDirector: string, snapshot: Snapshot): AsyncGenerator<string> {
  const services = snapshot.services.map((about) => ({ labels: serviceLabels(about), about }));
  const servers = await serverRows(snapshot.services);
  const blocks: Block[] = [
    ...SERVICE_FAMILIES.map((family) => () => linesOf(family, services, family.value)),
    ...SERVER_FAMILIES.map((family) => () => linesOf(family, servers, family.value)),
    () => stateLines(servers),
    ...IPVS_SERVER_FAMILIES.map((family) => () => ipvsLines(family, servers, family.value)),
  ];
  let piece = ofDirector;
  for (const block of blocks) {
    for (const line of block()) {
      piece += line;
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = '';
      await nextTurn();
    }
  }
  yield piece;
}

async function serverRows(services: readonly ServiceSnapshot[]): Promise<ServerRow[]> {
  const rows: ServerRow[] = [];
  for (const service of services) {
    for (const about of service.destinations) {
      const labels = serverLabels(service, about);
      rows.push({ labels, ipvsLabels: ipvsLabels(service, about), about });
      if (rows.length % ROWS_PER_TURN === 0) await nextTurn();
    }
  }
  return rows;
}

function* linesOf<T>(
  family: Family,
  rows: readonly Row<T>[],
  value: (about: T) => number,
): Generator<string> {
  yield headOf(family);
  for (const { labels, about } of rows) yield `${family.name}{${labels}} ${value(about)}\n`;
}

function* ipvsLines(
  family: Family,
  rows: readonly ServerRow[],
  value: (about: DestinationSnapshot) => number,
): Generator<string> {
  yield headOf(family);
  for (const { ipvsLabels: labels, about } of rows) {
    yield `${family.name}{${labels}} ${value(about)}\n`;
  }
}

function* stateLines(rows: readonly ServerRow[]): Generator<string> {
  yield headOf(SERVER_STATES);
  for (const { labels, about } of rows) {
    for (const [state, count] of Object.entries(about.states)) {
      yield `${SERVER_STATES.name}{${labels},state="${state}"} ${count}\n`;
    }
  }
}

function headOf({ name, help, type }: Family): string {
  return `\n# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function serviceLabels(service: ServiceSnapshot): string {
  const name = service.fwmark === 0 ? endpointName(service) : `fwmark ${service.fwmark}`;
  return `protocol="${service.protocol}",service="${name}"`;
}

function serverLabels(service: ServiceSnapshot, server: DestinationSnapshot): string {
  return `${serviceLabels(service)},server="${endpointName(server)}"`;
}

function ipvsLabels(service: ServiceSnapshot, server: DestinationSnapshot): string {
  const { fwmark, protocol, address, port } = service;
  const local =
    fwmark === 0
      ? `local_address="${address}",local_port="${port}",local_mark="",proto="${protocol.toUpperCase()}"`
      : `local_address="",local_port="0",local_mark="${hexMark(fwmark)}",proto="FWM"`;
  return `${local},remote_address="${server.address}",remote_port="${server.port}"`;
}

/** As /proc/net/ip_vs has it, and so node_exporter. */
function hexMark(mark: number): string {
  return mark.toString(16).toUpperCase().padStart(8, '0');
}
