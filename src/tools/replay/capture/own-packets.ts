/**
 * Packets that the engine has sent and that the capture may hold as well: where a director's both sides were
 * captured, each packet appears twice, as it came and as the captured director sent it on. The second one is
 * not for the engine; it is compared with what the engine made of the first.
 *
 * A packet is recognised by what masquerading doesn't touch: the client's end, the identification, the sequence
 * number. Remembered are the last packets only, and only for a while, so that memory is bounded.
 */
import { read16, read32 } from '../../../../dataplane/wire/bytes.js';
import { isError } from '../../../../dataplane/wire/icmp.js';
import * as ipv4 from '../../../../dataplane/wire/ipv4.js';
import { ipv4ToText } from '../../../control/ipv4.js';

const PACKETS_MAX = 8192;
/** A director sends on within microseconds, or once it has found out a neighbour's MAC address. */
const AGE_MAX_SECONDS = 4;
/** All headers of a TCP packet at their longest: what is behind them is passed on as it is. */
const HEADERS_MAX_BYTES = 120;
const ICMP_QUOTE_OFFSET = 8;
const SEQUENCE_OFFSET = 4;

const TTL = 8;
const SOURCE = 12;
const DESTINATION = 16;
/** Identification, and the header checksum that follows from it. */
const ANSWERS_OWN_BYTES = new Set([4, 5, 10, 11]);

/** Which end of a packet is the client's. */
export type ClientEnd = 'source' | 'destination';

export interface SentPacket {
  /** Number of the captured packet it was made of. */
  cause: number;
  /** Its beginning, from the IP header on. */
  bytes: Uint8Array;
  /** It was made by the director itself, with an identification of its own choice. */
  isAnswer: boolean;
  atSeconds: number;
}

export class OwnPackets {
  /** Sent packets that weren't found in the capture. */
  unseen = 0;
  private readonly packets = new Map<string, SentPacket[]>();
  private count = 0;

  /** Remembers a packet that was sent. */
  add(memory: Uint8Array, ip: number, clientEnd: ClientEnd, sent: SentPacket): void {
    this.forgetOld(sent.atSeconds);
    const key = keyOf(memory, ip, clientEnd);
    const same = this.packets.get(key);
    if (same === undefined) this.packets.set(key, [sent]);
    else same.push(sent);
    this.count += 1;
  }

  /** Takes out the packet that the captured one at `ip` corresponds to. */
  take(memory: Uint8Array, ip: number, clientEnd: ClientEnd): SentPacket | undefined {
    const key = keyOf(memory, ip, clientEnd);
    const same = this.packets.get(key);
    const packet = same?.shift();
    if (packet === undefined) return undefined;
    if (same?.length === 0) this.packets.delete(key);
    this.count -= 1;
    return packet;
  }

  /** What was sent and is still waited for won't come any more. */
  end(): void {
    this.unseen += this.count;
    this.packets.clear();
    this.count = 0;
  }

  private forgetOld(nowSeconds: number): void {
    for (const [key, same] of this.packets) {
      const isOld = nowSeconds - same[0].atSeconds > AGE_MAX_SECONDS;
      if (!isOld && this.count < PACKETS_MAX) return;
      same.shift();
      if (same.length === 0) this.packets.delete(key);
      this.count -= 1;
      this.unseen += 1;
    }
  }
}

/** The beginning of the packet at `ip`, at most up to `end`: a copy. */
export function headersOf(memory: Uint8Array, ip: number, end: number): Uint8Array {
  const length = Math.min(ipv4.totalLength(memory, ip), HEADERS_MAX_BYTES);
  return memory.slice(ip, Math.min(ip + length, end));
}

/**
 * What differs between the packet that was sent here and the one that was captured, in words; null where they
 * are the same as far as the capture goes.
 */
export function difference(sent: SentPacket, captured: Uint8Array): string | null {
  const { bytes } = sent;
  for (const [at, what] of [
    [DESTINATION, 'to'],
    [SOURCE, 'from'],
  ] as const) {
    const [here, there] = [endText(bytes, at), endText(captured, at)];
    if (here !== there) return `${what} ${there} in the capture, ${what} ${here} here`;
  }
  if (bytes[TTL] !== captured[TTL]) {
    return `TTL ${captured[TTL]} in the capture, ${bytes[TTL]} here`;
  }
  const end = Math.min(bytes.length, captured.length);
  for (let i = 0; i < end; i++) {
    if (sent.isAnswer && ANSWERS_OWN_BYTES.has(i)) continue;
    if (bytes[i] !== captured[i]) {
      return `byte ${i} is ${captured[i]} in the capture, ${bytes[i]} here`;
    }
  }
  return null;
}

/** Address and, in front of a TCP header, port. */
function endText(bytes: Uint8Array, at: number): string {
  const address = ipv4ToText(read32(bytes, at));
  const header = ipv4.headerBytes(bytes, 0);
  const isFirst = (ipv4.fragmentField(bytes, 0) & ipv4.FRAGMENT_OFFSET_MASK) === 0;
  if (ipv4.protocol(bytes, 0) !== ipv4.PROTOCOL_TCP || !isFirst || bytes.length < header + 4) {
    return address;
  }
  return `${address}:${read16(bytes, header + (at === SOURCE ? 0 : 2))}`;
}

function keyOf(memory: Uint8Array, ip: number, clientEnd: ClientEnd): string {
  const isSource = clientEnd === 'source';
  const address = read32(memory, ip + (isSource ? SOURCE : DESTINATION));
  const protocol = ipv4.protocol(memory, ip);
  const offset = ipv4.fragmentField(memory, ip) & ipv4.FRAGMENT_OFFSET_MASK;
  const end = ip + ipv4.totalLength(memory, ip);
  const body = ip + ipv4.headerBytes(memory, ip);
  const id = ipv4.identification(memory, ip);
  const head = `${clientEnd} ${address} ${protocol} ${end - ip} ${offset}`;
  if (offset !== 0 || end < body + 8) return `${head} ${id}`;
  if (protocol === ipv4.PROTOCOL_TCP) {
    const port = read16(memory, body + (isSource ? 0 : 2));
    return `${head} ${id} ${port} ${read32(memory, body + SEQUENCE_OFFSET)}`;
  }
  if (!isError(memory[body])) return `${head} ${id}`;
  // An error of the director's own has an identification of its own: what it quotes tells.
  const quoted = body + ICMP_QUOTE_OFFSET;
  const sequence = quoted + ipv4.headerBytes(memory, quoted) + SEQUENCE_OFFSET;
  return `${head} ${read16(memory, body)} ${sequence + 4 <= end ? read32(memory, sequence) : 0}`;
}
