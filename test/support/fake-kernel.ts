/**
 * Does with the tables that kernel and data plane share what the programs in the kernel do (dataplane/sys/fastpath), packet by
 * packet, for tests that are not about the programs themselves. Allocates nothing once it is there.
 */
import { ticksUntil } from '../../dataplane/clock.js';
import * as layout from '../../dataplane/flows/layout.js';
import * as prepared from '../../dataplane/flows/openings-layout.js';
import { occupiedCounter, OpeningTable, queueOf } from '../../dataplane/flows/openings-table.js';
import { FlowTable, NO_SLOT } from '../../dataplane/flows/table.js';
import { describeTable } from '../../dataplane/sys/fastpath/programs.js';
import { ACK, FIN, RST, SYN } from '../../dataplane/wire/tcp.js';
import { KEY } from './flow-kernel.js';

const SOURCE = 26;
const DESTINATION = 30;
const PORTS = 34;
const TCP_FLAGS = 47;
const SYN_BYTES = 40;

export class FakeKernel {
  readonly words: Int32Array;
  readonly reports: Int32Array;
  readonly openings = new Int32Array(prepared.ELEMENTS * prepared.ELEMENT_WORDS);
  readonly flows: FlowTable;
  readonly prepared: OpeningTable;
  private readonly occupied: Uint8Array;
  private readonly description: number;
  private readonly reportsMask: number;

  /** @param reports how many there is room for; a power of two, as `buckets` */
  constructor(
    readonly buckets = 64,
    reports = 64,
  ) {
    this.words = new Int32Array((buckets + 1) * layout.BUCKET_WORDS);
    this.reports = new Int32Array(reports * layout.REPORT_WORDS);
    this.reportsMask = reports - 1;
    this.description = buckets * layout.BUCKET_WORDS;
    const description = this.words.subarray(this.description);
    describeTable(description, { buckets, key: KEY });
    description[layout.SKIP_GENERATION] = description[layout.FORWARD_GENERATION] = 1;
    this.flows = new FlowTable(this.words, this.reports, () => undefined);
    this.prepared = new OpeningTable(this.openings);
    this.occupied = this.prepared.bytes.subarray(prepared.OCCUPIED_AT * prepared.ELEMENT_BYTES);
  }

  /** False for a packet that isn't a flow's. */
  forward(frame: Uint8Array): boolean {
    const flags = frame[TCP_FLAGS];
    if ((flags & ACK) === 0) return false;
    const slot = this.flows.find(word(frame, SOURCE), word(frame, DESTINATION), word(frame, PORTS));
    if (slot === NO_SLOT) return false;
    this.pass(slot, flags, (frame[16] << 8) | frame[17]);
    return true;
  }

  /** Counts a flow's packet, and reports it where that is to be. */
  pass(slot: number, flags: number, bytes: number): void {
    const { words } = this;
    const base = this.flows.base(slot);
    words[base + layout.PACKETS]++;
    words[base + layout.BYTES_LOW] += bytes;
    const report = words[base + layout.REPORT];
    if ((report & layout.REPORT_NEXT) === 0 && (flags & (SYN | FIN | RST)) === 0) return;
    if ((flags & SYN) === 0) words[base + layout.REPORT] = report & ~layout.REPORT_NEXT;
    this.report(slot, flags);
  }

  /** A client's SYN, which the kernel opens a connection with: false where it leaves it to the data plane. */
  open(frame: Uint8Array, now: number): boolean {
    if ((frame[TCP_FLAGS] & 0x3f) !== SYN) return false;
    const [source, destination] = [word(frame, SOURCE), word(frame, DESTINATION)];
    return this.openEnds(source, destination, word(frame, PORTS), now);
  }

  /** Ends as in the packet. */
  openEnds(source: number, destination: number, ports: number, now: number): boolean {
    const { flows, openings } = this;
    const port = ports >>> 16;
    const queue = queueOf(destination, port);
    const base = (prepared.QUEUES_AT + queue) * prepared.ELEMENT_WORDS;
    const taken = openings[base + prepared.QUEUE_TAKEN];
    if (taken === openings[base + prepared.QUEUE_MADE]) return false;
    if (openings[base + prepared.QUEUE_VIRTUAL] !== destination) return false;
    if (openings[base + prepared.QUEUE_PORT] !== port) return false;
    if (openings[base + prepared.VALID_GENERATION] !== this.skipGeneration) return false;
    if (ticksUntil(openings[base + prepared.QUEUE_DEADLINE], now) < 0) return false;
    if (!this.prepared.isClientKnown(source, this.skipGeneration)) return false;
    if (this.occupied[occupiedCounter(flows.hash(source, destination, ports))] !== 0) return false;
    if (flows.find(source, destination, ports) !== NO_SLOT) return false;

    const number = queue * prepared.QUEUE_ROOM + (taken & (prepared.QUEUE_ROOM - 1));
    const opening = (prepared.OPENINGS_AT + number) * prepared.ELEMENT_WORDS;
    const address = openings[opening + prepared.OPENING_ADDRESS];
    const newPort = openings[opening + prepared.OPENING_PORT];
    const answers = (newPort & 0xffff) | (ports << 16);
    if (flows.find(address, source, answers) !== NO_SLOT) return false;
    const toServer = flows.takePlace(source, destination, ports, now);
    if (toServer === NO_SLOT) return false;
    const toClient = flows.takePlace(address, source, answers, now);
    if (toClient === NO_SLOT) {
      this.words[flows.base(toServer)] = layout.FREE;
      return false;
    }
    openings[base + prepared.QUEUE_TAKEN] = (taken + 1) | 0;
    const server = openings[opening + prepared.OPENING_SERVER];
    const back = port | layout.REWRITES_SOURCE | (newPort & layout.CHANGES_PORT);
    flows.write(toClient, -server, address, source, answers, destination, back, 0, true);
    flows.write(toServer, -server, source, destination, ports, address, newPort, 0, true);
    this.setPartner(toClient, toServer);
    this.setPartner(toServer, toClient);
    flows.begin(toClient);
    flows.begin(toServer);
    this.report(toServer, SYN);
    // Forwarded at once, and reported already.
    this.words[flows.base(toServer) + layout.PACKETS]++;
    this.words[flows.base(toServer) + layout.BYTES_LOW] += SYN_BYTES;
    return true;
  }

  report(slot: number, flags: number): void {
    const number = this.words[this.description + layout.REPORTS]++ & this.reportsMask;
    this.reports[number * layout.REPORT_WORDS] = ((slot + 1) << 8) | flags;
  }

  private get skipGeneration(): number {
    return this.words[this.description + layout.SKIP_GENERATION];
  }

  private setPartner(slot: number, partner: number): void {
    const bucket = Math.floor(slot / layout.WAYS) * layout.BUCKET_WORDS;
    this.words[bucket + layout.notesOf(slot % layout.WAYS) + layout.NOTE_PARTNER] = partner;
  }
}

/** As a processor of little-endian order reads it. */
function word(frame: Uint8Array, at: number): number {
  return frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16) | (frame[at + 3] << 24);
}
