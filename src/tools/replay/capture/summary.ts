/** What a replayed capture comes to: counted packet by packet, told at the end. */
import * as rec from '../../../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../../../dataplane/conn/states.js';
import { DROP_NAMES } from '../../../../dataplane/drops.js';
import type { State } from '../../../../dataplane/state.js';
import type { ServiceEntry } from '../../../control/api.js';
import type { CaptureDirector } from './director.js';
import { AGREEMENTS, DECISIONS, type Agreement, type Decision, type Outcome } from './outcome.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;

type Counts = Record<string, number>;

export interface Summary {
  packets: number;
  seconds: number;
  /** The replay was ended before the capture's end. */
  interrupted: boolean;
  services: ServiceSummary[];
  decisions: Record<Decision, number>;
  /** Reasons by name. */
  dropped: Counts;
  left: Counts;
  undecided: Counts;
  /** Packets of the captured host's own. */
  own: Record<Agreement, number>;
  /** Packets that were sent here, and that the capture doesn't have. */
  notCaptured: number;
  /** Packets that were taken back from what the captured director made of them. */
  undone: number;
  /** Packets passed over: of a loopback interface, or of a link layer that isn't supported. */
  passedOver: number;
  connections: Counts;
  templates: number;
}

interface Traffic {
  connections: number;
  inPackets: number;
  outPackets: number;
  inBytes: number;
  outBytes: number;
}

interface ServerSummary extends Traffic {
  server: string;
}

interface ServiceSummary extends Traffic {
  service: string;
  scheduler: string;
  servers: ServerSummary[];
}

export class Tally {
  readonly decisions = zeros(DECISIONS);
  readonly agreements = zeros(AGREEMENTS);
  readonly left: Counts = {};
  readonly undecided: Counts = {};
  undone = 0;
  passedOver = 0;

  count({ decision, reason, agreement, isUndone }: Outcome): void {
    this.decisions[decision] += 1;
    if (agreement !== null) this.agreements[agreement] += 1;
    if (isUndone) this.undone += 1;
    if (reason === null || decision === 'dropped') return;
    const reasons = decision === 'left' ? this.left : this.undecided;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }

  /** True where at least one packet was a service's. */
  get concernsRules(): boolean {
    const { sent, answered, dropped, held } = this.decisions;
    return sent + answered + dropped + held > 0;
  }

  async summary(director: CaptureDirector, interrupted: boolean): Promise<Summary> {
    const { server, ownPackets } = director;
    ownPackets.end();
    publishCounters(server.state);
    const { decisions, agreements, left, undecided, undone, passedOver } = this;
    return {
      packets: director.packets,
      seconds: director.seconds,
      interrupted,
      services: (await server.services()).map(serviceSummary),
      decisions,
      dropped: dropCounts(server.engine.drops.counts),
      left,
      undecided,
      own: agreements,
      notCaptured: ownPackets.unseen,
      undone,
      passedOver,
      ...connectionsByState(server.state),
    };
  }
}

export function summaryText(summary: Summary): string {
  const { decisions } = summary;
  const lines = [
    `${summary.packets} packets in ${summary.seconds.toFixed(3)} s` +
      (summary.interrupted ? ', not to the end of the capture' : ''),
    ...section('services and servers', serviceLines(summary.services)),
    ...section('what became of the packets', [
      ...counted('sent', decisions.sent),
      ...counted('answered', decisions.answered),
      ...counted('left to the kernel', decisions.left, summary.left),
      ...counted('dropped', decisions.dropped),
      ...counted('held, fragments', decisions.held),
      ...counted('undecided', decisions.undecided, summary.undecided),
      ...counted("the captured host's own", decisions.own),
      ...counted('passed over', summary.passedOver),
    ]),
    ...section('drops, of packets that were answered as well', countLines(summary.dropped)),
    ...section('beside what the captured director did', comparison(summary)),
    ...section('connections left', [
      ...countLines(summary.connections),
      ...counted('templates', summary.templates),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function comparison({ own, notCaptured, undone }: Summary): string[] {
  if (own.same + own.differs + own.unexplained === 0) return [];
  return [
    ...counted('as captured', own.same),
    ...counted('differs', own.differs),
    ...counted('of unknown cause', own.unexplained),
    ...counted('not in the capture', notCaptured),
    ...counted('cause not in the capture', undone),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function counted(what: string, count: number, reasons: Counts = {}): string[] {
  if (count === 0) return [];
  const named = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  const texts = named.map(([name, number]) => `${name} ${number}`);
  const detail = texts.length === 0 ? '' : `  (${texts.join(', ')})`;
  return [`${what.padEnd(24)} ${String(count).padStart(10)}${detail}`];
}

function countLines(counts: Counts): string[] {
  return Object.entries(counts).flatMap(([name, count]) => counted(name, count));
}

const COLUMNS = ['conns', 'packets in', 'packets out', 'bytes in', 'bytes out'];
const NAME_WIDTH = 30;
const COLUMN_WIDTH = 12;

function serviceLines(services: readonly ServiceSummary[]): string[] {
  if (services.length === 0) return [];
  const head = ''.padEnd(NAME_WIDTH) + COLUMNS.map((name) => name.padStart(COLUMN_WIDTH)).join('');
  return [
    head,
    ...services.flatMap((service) => [
      trafficLine(`${service.service} ${service.scheduler}`, service),
      ...service.servers.map((server) => trafficLine(`  -> ${server.server}`, server)),
    ]),
  ];
}

function trafficLine(name: string, traffic: Traffic): string {
  const { connections, inPackets, outPackets, inBytes, outBytes } = traffic;
  const cells = [connections, inPackets, outPackets, inBytes, outBytes].map((count) =>
    String(count).padStart(COLUMN_WIDTH),
  );
  return name.padEnd(NAME_WIDTH) + cells.join('');
}

/** Readers see a counter as of the last estimator tick, which can be two seconds ago: let there be one now. */
function publishCounters(state: State): void {
  const { services, destinations, statistics } = state;
  for (let s = 1; s <= services.highWater; s++) statistics.estimate(state.serviceBlock(s));
  for (let d = 1; d <= destinations.highWater; d++) statistics.estimate(state.destinationBlock(d));
}

function serviceSummary(entry: ServiceEntry): ServiceSummary {
  return {
    service: `${entry.address}:${entry.port}`,
    scheduler: entry.scheduler,
    ...trafficOf(entry),
    servers: entry.destinations.map((destination) => ({
      server: `${destination.address}:${destination.port}`,
      ...trafficOf(destination),
    })),
  };
}

function trafficOf({ statistics }: Pick<ServiceEntry, 'statistics'>): Traffic {
  const { connections, inPackets, outPackets, inBytes, outBytes } = statistics;
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

function dropCounts(counts: Float64Array): Counts {
  return Object.fromEntries(
    DROP_NAMES.map((name, i) => [name, counts[i]] as const).filter(([, count]) => count > 0),
  );
}

function connectionsByState({ connections }: State): Pick<Summary, 'connections' | 'templates'> {
  const byState: Counts = {};
  let templates = 0;
  for (let c = 1; c <= connections.highWater; c++) {
    if (!connections.isLive(c)) continue;
    const isTemplate = (connections.words[c * WORDS + rec.W_FLAGS] & rec.F_TEMPLATE) !== 0;
    if (isTemplate) {
      templates += 1;
      continue;
    }
    const name = STATE_NAMES[connections.words[c * WORDS + rec.W_META] & 0xff];
    byState[name] = (byState[name] ?? 0) + 1;
  }
  return { connections: byState, templates };
}

function zeros<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}
