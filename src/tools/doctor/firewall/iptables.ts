/**
 * Matches and targets of iptables that nf_tables has no words of its own for; they come as the structs that iptables
 * hands to the kernel, in the host's order (linux/netfilter/xt_*.h).
 */
import { readText } from '../../../../dataplane/sys/netlink-message.js';
import { IP, PAYLOAD } from '../probe/packets.js';
import { bytesOf, type Packet } from './packet.js';
import { answer, every, type Answer, type Verdict } from './verdict.js';

const NFTA_TARGET_NAME = 1;
const NFTA_MATCH_NAME = 1;
const NFTA_MATCH_INFO = 3;
const SOURCE_ADDRESS = IP + 12;
const DESTINATION_ADDRESS = IP + 16;
const SOURCE_PORT = PAYLOAD;
const DESTINATION_PORT = PAYLOAD + 2;
const ALL_PORTS = 0xffff;
/** These let each packet go on. */
const NEUTRAL_TARGETS = new Set([
  'LOG',
  'MARK',
  'CONNMARK',
  'TCPMSS',
  'CHECKSUM',
  'NFLOG',
  'CT',
  'TRACE',
]);

type Match = (info: Buffer, packet: Packet) => Answer;

/** With the length of each one's struct. */
const MATCHES = new Map<string, { bytes: number; match: Match }>([
  ['comment', { bytes: 0, match: () => 'yes' }],
  ['conntrack', { bytes: 152, match: tracking }],
  ['iprange', { bytes: 65, match: addressRange }],
  ['multiport', { bytes: 48, match: severalPorts }],
  ['tcp', { bytes: 12, match: tcp }],
]);

/** A match that isn't known here is a "perhaps". */
export function matchOf(attributes: Map<number, Buffer>, packet: Packet): Answer {
  const name = attributes.get(NFTA_MATCH_NAME);
  const info = attributes.get(NFTA_MATCH_INFO) ?? Buffer.alloc(0);
  const known = name === undefined ? undefined : MATCHES.get(readText(name));
  return known === undefined || info.length < known.bytes ? 'perhaps' : known.match(info, packet);
}

export function targetOf(attributes: Map<number, Buffer>): 'yes' | 'perhaps' | Verdict {
  const name = attributes.get(NFTA_TARGET_NAME);
  const target = name === undefined ? '' : readText(name);
  if (target === 'REJECT') return { kind: 'drop' };
  return NEUTRAL_TARGETS.has(target) ? 'yes' : 'perhaps';
}

/**
 * The last three half words of struct xt_conntrack_mtinfo3 but for one: what is compared, what is inverted, and bits of
 * `ct state`.
 */
function tracking(info: Buffer, { ctState }: Packet): Answer {
  const [flagsAt, statesAt, stateFlag] = [146, 150, 1];
  if (ctState === null || info.readUInt16LE(flagsAt) !== stateFlag) return 'perhaps';
  const isInverted = (info.readUInt16LE(flagsAt + 2) & stateFlag) !== 0;
  return answer((info.readUInt16LE(statesAt) & ctState) !== 0, isInverted);
}

/** struct xt_iprange_mtinfo: least and greatest source, the same of destinations, 16 bytes each; flags 1. */
function addressRange(info: Buffer, packet: Packet): Answer {
  const [addressBytes, flagsAt] = [16, 64];
  const flags = info[flagsAt];
  const isWithin = (field: number, at: number, isInverted: boolean): Answer => {
    const address = bytesOf(packet, field, 4);
    if (address === null) return 'perhaps';
    const [least, greatest] = [at, at + addressBytes].map((from) => info.subarray(from, from + 4));
    const is = least.compare(address) <= 0 && greatest.compare(address) >= 0;
    return answer(is, isInverted);
  };
  return every([
    (flags & 1) === 0 ? 'yes' : isWithin(SOURCE_ADDRESS, 0, (flags & 16) !== 0),
    (flags & 2) === 0 ? 'yes' : isWithin(DESTINATION_ADDRESS, 2 * addressBytes, (flags & 32) !== 0),
  ]);
}

/** struct xt_multiport_v1: which ends 1, how many 1, ports 15 x 2, "a range begins" 15 x 1, inverted 1. */
function severalPorts(info: Buffer, packet: Packet): Answer {
  const [portsAt, rangesAt, invertAt] = [2, 32, 47];
  const [ends, count] = info;
  const fields = [[SOURCE_PORT], [DESTINATION_PORT], [SOURCE_PORT, DESTINATION_PORT]][ends] ?? [];
  const ports = fields.map((field) => portAt(packet, field));
  if (ports.length === 0) return 'perhaps';
  const isOneOf = (port: number): boolean => {
    for (let i = 0; i < count; i++) {
      const least = info.readUInt16LE(portsAt + 2 * i);
      const isRange = info[rangesAt + i] !== 0;
      const greatest = isRange ? info.readUInt16LE(portsAt + 2 * ++i) : least;
      if (port >= least && port <= greatest) return true;
    }
    return false;
  };
  const isInverted = info[invertAt] !== 0;
  if (ports.some((port) => port !== null && isOneOf(port))) return answer(true, isInverted);
  return ports.includes(null) ? 'perhaps' : answer(false, isInverted);
}

/** struct xt_tcp: source ports 2 x 2, destination ports 2 x 2, option 1, flags' mask 1, flags 1, inverted 1. */
function tcp(info: Buffer, packet: Packet): Answer {
  const [optionAt, maskAt, invertAt, flagsOfPacket] = [8, 9, 11, PAYLOAD + 13];
  const inverted = info[invertAt];
  const isWithin = (field: number, at: number, isInverted: boolean): Answer => {
    const [least, greatest] = [info.readUInt16LE(at), info.readUInt16LE(at + 2)];
    if (least === 0 && greatest === ALL_PORTS) return answer(true, isInverted);
    const port = portAt(packet, field);
    return port === null ? 'perhaps' : answer(port >= least && port <= greatest, isInverted);
  };
  const flags = bytesOf(packet, flagsOfPacket, 1);
  const [mask, wanted] = info.subarray(maskAt);
  return every([
    isWithin(SOURCE_PORT, 0, (inverted & 1) !== 0),
    isWithin(DESTINATION_PORT, 4, (inverted & 2) !== 0),
    flags === null ? 'perhaps' : answer((flags[0] & mask) === wanted, (inverted & 4) !== 0),
    info[optionAt] === 0 ? 'yes' : 'perhaps',
  ]);
}

function portAt(packet: Packet, field: number): number | null {
  const bytes = bytesOf(packet, field, 2);
  return bytes === null ? null : (bytes[0] << 8) | bytes[1];
}
