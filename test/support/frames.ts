/** Frames for tests: TCP over IPv4 over Ethernet, with right checksums. */
import { write16, write32 } from '../../dataplane/wire/bytes.js';
import { fold, sumWords, tcpPseudoSum } from '../../dataplane/wire/checksum.js';
import { ETHERTYPE_IPV4, writeEthertype } from '../../dataplane/wire/ethernet.js';
import { FLAG_DONT_FRAGMENT, PROTOCOL_TCP, writeHeader } from '../../dataplane/wire/ipv4.js';
import { ipv4FromText } from '../../src/control/ipv4.js';

export const ETHERNET = 14;
export const IP = 20;
export const TCP = 20;

export interface TcpFrame {
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  flags: number;
  payload?: Uint8Array;
  ttl?: number;
  dontFragment?: boolean;
}

export function address(text: string): number {
  const value = ipv4FromText(text);
  if (value === undefined) throw new Error(`${text} is no IPv4 address`);
  return value;
}

/** What the TCP checksum of the packet at `ip` ought to be. */
export function expectedTcpChecksum(frame: Uint8Array, ip = ETHERNET): number {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const segment = ip + (frame[ip] & 0x0f) * 4;
  const length = view.getUint16(ip + 2) - (segment - ip);
  const copy = frame.slice(segment, segment + length);
  copy[16] = copy[17] = 0;
  const pseudo = tcpPseudoSum(view.getInt32(ip + 12), view.getInt32(ip + 16), length);
  return ~fold(sumWords(copy, 0, length, pseudo)) & 0xffff;
}

export function tcpFrame(options: TcpFrame): Uint8Array {
  const payload = options.payload ?? new Uint8Array(0);
  const total = IP + TCP + payload.length;
  const frame = new Uint8Array(ETHERNET + total);
  writeEthertype(frame, 0, ETHERTYPE_IPV4);
  const fragment = (options.dontFragment ?? true) ? FLAG_DONT_FRAGMENT : 0;
  writeHeader(
    frame,
    ETHERNET,
    0,
    total,
    4711,
    fragment,
    options.ttl ?? 64,
    PROTOCOL_TCP,
    address(options.source),
    address(options.destination),
  );
  const segment = ETHERNET + IP;
  write16(frame, segment, options.sourcePort);
  write16(frame, segment + 2, options.destinationPort);
  write32(frame, segment + 4, 1000);
  frame[segment + 12] = 0x50;
  frame[segment + 13] = options.flags;
  write16(frame, segment + 14, 0xffff);
  frame.set(payload, segment + TCP);
  write16(frame, segment + 16, expectedTcpChecksum(frame));
  return frame;
}
