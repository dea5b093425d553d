/**
 * When a replay agrees with a recording. These are all the rules there are:
 *
 *  1. Exit status, standard output and standard error are equal, byte for byte, but for 2 and 3.
 *  2. Connection listings: the title lines in order, the rows as a multiset, for their order is arbitrary. The
 *     time a connection has left may differ by 2 seconds, a template's (source port 0) by the step's `tol`.
 *  3. Usage texts: each program has its own. Where one was recorded there is one, in the same stream.
 *  4. Packets are equal, byte for byte, with the port they leave by and their next hop. Their order counts
 *     among the packets of one port. What a link layer adds behind a packet doesn't count.
 *  5. Packets that the recorded kernel made itself (origin `ipvs` or `stack`) have an identification of its
 *     own choice: it was recorded as 0, and is made 0 before comparing.
 *  6. The engine is no TCP/IP stack and does no plain forwarding: where all recorded packets are the work of
 *     these (origin `stack` or `route`; ICMP protocol unreachable is the stack's, whatever the recorder took it
 *     for), it agrees by leaving the arrived packet to the kernel.
 *  7. Where nothing was recorded, leaving the packet to the kernel agrees only if the kernel does nothing
 *     with it either. It would answer a TCP segment to the director, or forward a packet to another host.
 */
import {
  checkHeader,
  destination,
  HEADER_OK,
  source,
  timeToLive,
} from '../../../dataplane/wire/ipv4.js';
import { ipv4ToText } from '../../control/ipv4.js';
import { isDirectorAddress, isMartian, isReachable } from './network.js';
import {
  describePacket,
  isAnsweredByReset,
  isProtocolUnreachable,
  withoutIdentification,
  withoutPadding,
} from './packet.js';
import type { CommandStep, PortName, RecordedPacket } from './scenario.js';

const EXPIRE_TOLERANCE_SECONDS = 2;
const CONNECTIONS_TITLE = 'IPVS connection entries';
const CONNECTIONS_TITLE_LINES = 2;

/** A difference: what was recorded and what came, as lines for people. */
export interface Difference {
  what: string;
  recorded: string[];
  came: string[];
}

export interface CommandOutcome {
  exit: number;
  stdout: string;
  stderr: string;
}

export interface SentPacket {
  if: PortName;
  packet: Uint8Array;
  nextHop: string;
}

export interface PacketOutcome {
  sent: SentPacket[];
  leftToKernel: boolean;
  /** The engine's verdict in words. */
  verdict: string;
}

export function compareCommand(step: CommandStep, came: CommandOutcome): Difference[] {
  const differences: Difference[] = [];
  if (came.exit !== step.exit) {
    differences.push({ what: 'exit status', recorded: [`${step.exit}`], came: [`${came.exit}`] });
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const agree = isConnectionListing(step[stream])
      ? agreeAsConnections(step[stream], came[stream], step.tol)
      : agreeAsText(step[stream], came[stream]);
    if (!agree) differences.push(textDifference(stream, step[stream], came[stream]));
  }
  return differences;
}

/** @param arrived the IP packet that caused all this, null for packets without a cause */
export function comparePackets(
  recorded: readonly RecordedPacket[],
  came: PacketOutcome,
  arrived: Uint8Array | null,
): Difference[] {
  if (came.leftToKernel) {
    const isKernels = recorded.every(isKernelsWork);
    const isQuiet = recorded.length > 0 || arrived === null || !kernelWouldAct(arrived);
    if (isKernels && isQuiet) return [];
  } else if ((['ext', 'int'] as const).every((port) => agreeAtPort(port, recorded, came.sent))) {
    return [];
  }
  return [packetDifference(recorded, came)];
}

function agreeAsText(recorded: string, came: string): boolean {
  if (isUsage(recorded)) return came !== '';
  return recorded === came;
}

function isUsage(text: string): boolean {
  return /^usage:/im.test(text);
}

function isConnectionListing(text: string): boolean {
  return text.startsWith(CONNECTIONS_TITLE);
}

function agreeAsConnections(
  recorded: string,
  came: string,
  tolerance: number | undefined,
): boolean {
  const theirs = connectionRows(recorded);
  const ours = connectionRows(came);
  if (theirs.title !== ours.title || theirs.rows.length !== ours.rows.length) return false;
  // In this order rows with the same text stand in the order of their times, the best way to pair them.
  return theirs.rows.every((row, i) => {
    const allowed = row.isTemplate
      ? (tolerance ?? EXPIRE_TOLERANCE_SECONDS)
      : EXPIRE_TOLERANCE_SECONDS;
    const other = ours.rows[i];
    return row.text === other.text && Math.abs(row.seconds - other.seconds) <= allowed;
  });
}

interface ConnectionRow {
  /** The row without its time. */
  text: string;
  seconds: number;
  isTemplate: boolean;
}

function connectionRows(listing: string): { title: string; rows: ConnectionRow[] } {
  const lines = listing.split('\n');
  const rows = lines.slice(CONNECTIONS_TITLE_LINES).map(connectionRow);
  rows.sort((a, b) => (a.text === b.text ? a.seconds - b.seconds : a.text < b.text ? -1 : 1));
  return { title: lines.slice(0, CONNECTIONS_TITLE_LINES).join('\n'), rows };
}

/** `TCP 14:59  ESTABLISHED 10.0.0.100:50000 ...`: protocol, time left, state, source, ... */
function connectionRow(line: string): ConnectionRow {
  const match = /^(\S+ +)(\d+):(\d\d)( +)(\S+ +(\S+).*)$/.exec(line);
  if (match === null) return { text: line, seconds: 0, isTemplate: false };
  const [, protocol, minutes, seconds, blanks, rest, source] = match;
  const width = minutes.length + seconds.length + blanks.length;
  return {
    text: `${protocol}${width} ${rest}`,
    seconds: Number(minutes) * 60 + Number(seconds),
    isTemplate: source.endsWith(':0'),
  };
}

function agreeAtPort(
  port: PortName,
  recorded: readonly RecordedPacket[],
  sent: readonly SentPacket[],
): boolean {
  const theirs = recorded.filter((packet) => packet.if === port);
  const ours = sent.filter((packet) => packet.if === port);
  return theirs.length === ours.length && theirs.every((packet, i) => isSame(packet, ours[i]));
}

function isSame(recorded: RecordedPacket, sent: SentPacket): boolean {
  const theirs = Buffer.from(recorded.ip, 'hex');
  const nextHop = recorded.nh ?? ipv4ToText(destination(theirs, 0));
  return theirs.equals(comparable(recorded, sent)) && nextHop === sent.nextHop;
}

/** Our packet in the form that the recorded one has. */
function comparable(recorded: RecordedPacket, sent: SentPacket): Uint8Array {
  const packet = withoutPadding(sent.packet);
  const isKernels = recorded.origin === 'ipvs' || recorded.origin === 'stack';
  return isKernels ? withoutIdentification(packet) : packet;
}

/** Rule 6. */
function isKernelsWork({ origin, ip }: RecordedPacket): boolean {
  const isOthers = origin === 'stack' || origin === 'route';
  return isOthers || isProtocolUnreachable(Buffer.from(ip, 'hex'));
}

/** Rule 7. */
function kernelWouldAct(packet: Uint8Array): boolean {
  if (checkHeader(packet, 0, packet.length) !== HEADER_OK) return false;
  const from = ipv4ToText(source(packet, 0));
  const to = ipv4ToText(destination(packet, 0));
  if (isDirectorAddress(to)) return isReachable(from) && isAnsweredByReset(packet);
  return !isMartian(from) && isReachable(to) && timeToLive(packet, 0) > 1;
}

function packetDifference(recorded: readonly RecordedPacket[], came: PacketOutcome): Difference {
  const theirs = recorded.map((packet) => {
    const bytes = Buffer.from(packet.ip, 'hex');
    const by = packet.nh === undefined ? '' : ` by ${packet.nh}`;
    const origin = packet.origin === undefined ? '' : ` [${packet.origin}]`;
    return `${packet.if} ${describePacket(bytes)}${by}${origin}`;
  });
  const ours = came.sent.map((sent, i) => {
    const to = ipv4ToText(destination(sent.packet, 0));
    const by = sent.nextHop === to ? '' : ` by ${sent.nextHop}`;
    const bytes = i < recorded.length ? byteDifference(recorded[i], sent) : '';
    return `${sent.if} ${describePacket(sent.packet)}${by}${bytes}`;
  });
  return {
    what: 'packets',
    recorded: theirs.length > 0 ? theirs : ['nothing'],
    came: ours.length > 0 ? ours : [`nothing: ${came.verdict}`],
  };
}

/** Where two packets of the same look differ. */
function byteDifference(recorded: RecordedPacket, sent: SentPacket): string {
  const theirs = Buffer.from(recorded.ip, 'hex');
  const ours = comparable(recorded, sent);
  if (theirs.length !== ours.length) return ` (${ours.length} bytes, recorded ${theirs.length})`;
  const at = theirs.findIndex((byte, i) => byte !== ours[i]);
  if (at < 0) return '';
  const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(at, at + 4)).toString('hex');
  return ` (byte ${at}: ${hex(ours)}, recorded ${hex(theirs)})`;
}

/** The lines between those that agree at the beginning and at the end. */
function textDifference(what: string, recorded: string, came: string): Difference {
  const theirs = recorded.split('\n');
  const ours = came.split('\n');
  let first = 0;
  while (first < theirs.length && first < ours.length && theirs[first] === ours[first]) first += 1;
  let theirEnd = theirs.length;
  let ourEnd = ours.length;
  while (theirEnd > first && ourEnd > first && theirs[theirEnd - 1] === ours[ourEnd - 1]) {
    theirEnd -= 1;
    ourEnd -= 1;
  }
  return {
    what,
    recorded: theirs.slice(first, theirEnd).map((line) => JSON.stringify(line)),
    came: ours.slice(first, ourEnd).map((line) => JSON.stringify(line)),
  };
}
