/** A traced packet as a line for people: what came, what became of it, where it went, and why. */
import { read16 } from '../../../dataplane/wire/bytes.js';
import { ipv4FrameHeaderBytes } from '../../../dataplane/wire/ethernet.js';
import * as ipv4 from '../../../dataplane/wire/ipv4.js';
import { ipv4ToText } from '../../control/ipv4.js';
import type { TracedConnection, TracedFrame, TracedPacket } from '../../control/trace.js';
import { describeFrame } from '../../decisions/describe.js';

const PORTS_BYTES = 4;
/** "12:00:01" */
const TIME_CHARACTERS = 8;

/** Without a newline. Times are the local ones. */
export function lineOf(packet: TracedPacket): string {
  const why = [fateOf(packet), connectionText(packet)].filter((part) => part !== '').join('; ');
  return `${timeText(packet.atMs)} ${wayOf(packet)}  ${why}`;
}

/** What became of it and why, without the packets themselves. */
export function decisionText(packet: TracedPacket): string {
  const { decision, sent } = packet;
  const plain = decision === 'sent' ? `sent by ${sent[0]?.interface}` : fateOf(packet);
  return [plain, connectionText(packet)].filter((part) => part !== '').join('; ');
}

/** "10.1.0.2:4000 > 10.1.0.100:80 S 0", of as much of a frame as there is. */
export function frameText(frame: TracedFrame): string {
  const bytes = Buffer.from(frame.bytes, 'base64');
  return describeFrame(bytes, 0, headerOffset(bytes), frame.lengthBytes);
}

/** "12:00:01.123" */
function timeText(atMs: number): string {
  const date = new Date(atMs);
  const time = date.toTimeString().slice(0, TIME_CHARACTERS);
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** What came in and, where it is the same packet, what it went out as. */
function wayOf({ came, decision, sent, connection }: TracedPacket): string {
  if (came === null) {
    if (sent.length > 0) return `${frameText(sent[0])} ${sent[0].interface}`;
    return connection === null ? 'a packet' : `${connection.client} - ${connection.server}`;
  }
  const arrived = `${came.interface} ${frameText(came)}`;
  if (decision !== 'sent' || sent.length === 0) return arrived;
  return `${arrived} -> ${changedEnds(came, sent[0])} ${sent[0].interface}`;
}

/** Only what was changed: "10.2.0.11:80" to a server, "from 10.1.0.100:80" to a client. */
function changedEnds(came: TracedFrame, sent: TracedFrame): string {
  const before = endsOf(came);
  const after = endsOf(sent);
  if (before === null || after === null) return frameText(sent);
  const source = before.source === after.source ? '' : `from ${after.source}`;
  const destination = before.destination === after.destination ? '' : after.destination;
  return [destination, source].filter((part) => part !== '').join(' ');
}

/** Null for all but TCP with its ports. */
function endsOf({ bytes: text }: TracedFrame): { source: string; destination: string } | null {
  const bytes = Buffer.from(text, 'base64');
  const ip = headerOffset(bytes);
  if (ip === 0 || ipv4.protocol(bytes, ip) !== ipv4.PROTOCOL_TCP) return null;
  const segment = ip + ipv4.headerBytes(bytes, ip);
  if ((ipv4.fragmentField(bytes, ip) & ipv4.FRAGMENT_OFFSET_MASK) !== 0) return null;
  return {
    source: `${ipv4ToText(ipv4.source(bytes, ip))}:${read16(bytes, segment)}`,
    destination: `${ipv4ToText(ipv4.destination(bytes, ip))}:${read16(bytes, segment + 2)}`,
  };
}

/** Where the IPv4 header starts, 0 where there is none with the ports or so behind it. */
function headerOffset(bytes: Uint8Array): number {
  const ip = ipv4FrameHeaderBytes(bytes, 0, bytes.length);
  if (ip === 0 || bytes.length < ip + ipv4.IPV4_HEADER_BYTES || bytes[ip] >> 4 !== 4) return 0;
  return bytes.length < ip + ipv4.headerBytes(bytes, ip) + PORTS_BYTES ? 0 : ip;
}

function fateOf({ came, decision, reason, why, sent, waitsFor }: TracedPacket): string {
  switch (decision) {
    case 'sent':
      return came === null ? 'sent, had waited for MAC' : '';
    case 'answered':
      return reason === null
        ? `sent in ${sent.length} fragments by ${sent[0]?.interface}`
        : `refused: ${reason}, ${sent.map(frameText).join(', ')}`;
    case 'dropped':
      return `${came === null ? 'had waited for MAC, ' : ''}dropped: ${reason}`;
    case 'parked':
      return `waits for MAC of ${waitsFor}`;
    case 'held':
      return 'waits for its other fragments';
    default:
      return `left to the kernel: ${why ?? reason}`;
  }
}

function connectionText({ connection, decision }: TracedPacket): string {
  if (connection === null) return '';
  const { chosenBy, server } = connection;
  // Of a packet that is sent to its server, or came from it, the rest of the line says which one that is.
  const to = decision === 'sent' ? '' : ` to ${server}`;
  const state = stateText(connection);
  if (chosenBy === null) return to === '' ? state : `connection${to}, ${state}`;
  return `new connection${to}, ${chosenBy === 'template' ? 'persistence template' : chosenBy}: ${state}`;
}

function stateText({ before, after }: TracedConnection): string {
  if (after === null) return `${before ?? 'a connection'}, ended`;
  return before === after || before === null ? after : `${before} -> ${after}`;
}
