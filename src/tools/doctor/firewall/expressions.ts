/**
 * What the expressions of an nf_tables rule make of a packet. Those that decide by what can't be known here (rates,
 * marks, sets that packets add to, many extensions of iptables) are a "perhaps".
 */
import {
  LINK_HEADER,
  NETWORK_HEADER,
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_META_IIF,
  NFT_META_OIF,
  NFT_META_PKTTYPE,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_XOR,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  TRANSPORT_HEADER,
} from '../../../../dataplane/sys/nft-expressions.js';
import { readAttributes, readText } from '../../../../dataplane/sys/netlink-message.js';
import type { RulesetRule } from '../../../../dataplane/sys/nft-ruleset.js';
import type { RulesetSet } from '../../../../dataplane/sys/nft-sets.js';
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { IP, PAYLOAD } from '../probe/packets.js';
import { matchOf, targetOf } from './iptables.js';
import { bytesOf, type Packet } from './packet.js';
import { Registers } from './registers.js';
import { lookUp } from './sets.js';
import { answer, verdictOf, type Answer, type Verdict } from './verdict.js';

type Attributes = Map<number, Buffer>;

export interface Outcome {
  /** Null: on with the next rule. */
  verdict: Verdict | null;
  /** False: perhaps the rule doesn't match. */
  isCertain: boolean;
}

const NO_MATCH: Outcome = { verdict: null, isCertain: true };

const NFT_META_PROTOCOL = 1;
const NFT_META_IIFNAME = 6;
const NFT_META_OIFNAME = 7;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFTA_LOOKUP_DREG = 3;
const NFTA_LOOKUP_FLAGS = 5;
const NFT_LOOKUP_INVERTED = 1;
const NFTA_RANGE_SREG = 1;
const NFTA_RANGE_OP = 2;
const NFTA_RANGE_FROM_DATA = 3;
const NFTA_RANGE_TO_DATA = 4;
const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const NFT_CT_STATE = 0;
const NFTA_BITWISE_OP = 6;
const NFPROTO_IPV4 = 2;
const IP_PROTOCOL = 9;
const ETHERTYPE = 12;
const NAME_BYTES = 16;
/** These let each packet go on to the next expression. */
const NEUTRAL = new Set(['counter', 'log', 'notrack', 'dup', 'dynset', 'objref']);
/** What puts something that can't be known here into a register, and the attribute that says which. */
const RESULTS = new Map([
  ['byteorder', 2],
  ['exthdr', 1],
  ['fib', 1],
  ['hash', 2],
  ['numgen', 1],
  ['osf', 1],
  ['rt', 1],
  ['socket', 2],
]);
/** These end it well. */
const ACCEPTING = new Set(['masq', 'nat', 'redir', 'queue', 'tproxy', 'synproxy', 'fwd']);
type Sets = ReadonlyMap<string, RulesetSet>;

/** What one rule says about a packet; `sets` are those of its table. */
export function judge(rule: RulesetRule, packet: Packet, sets: Sets): Outcome {
  const registers = new Registers();
  let isCertain = true;
  for (const { name, attributes } of rule.expressions) {
    const result = evaluate(name, attributes, registers, packet, sets);
    if (result === 'no') return NO_MATCH;
    if (result === 'perhaps') isCertain = false;
    else if (result !== 'yes') return { verdict: result, isCertain };
  }
  return { verdict: null, isCertain };
}

function evaluate(
  name: string,
  attributes: Attributes,
  registers: Registers,
  packet: Packet,
  sets: Sets,
): Answer | Verdict {
  switch (name) {
    case 'payload':
      registers.store(word(attributes, NFTA_PAYLOAD_DREG), payloadOf(attributes, packet));
      return 'yes';
    case 'meta':
      registers.store(
        word(attributes, NFTA_META_DREG),
        metaOf(word(attributes, NFTA_META_KEY), packet),
      );
      return 'yes';
    case 'ct':
      registers.store(word(attributes, NFTA_CT_DREG), trackingOf(attributes, packet));
      return 'yes';
    case 'bitwise':
      registers.store(word(attributes, NFTA_BITWISE_DREG), maskedOf(attributes, registers));
      return 'yes';
    case 'cmp':
      return compare(attributes, registers);
    case 'range':
      return range(attributes, registers);
    case 'lookup':
      return lookup(attributes, registers, sets);
    case 'immediate':
      return immediate(attributes, registers);
    case 'reject':
      return { kind: 'drop' };
    case 'match':
      return matchOf(attributes, packet);
    case 'target':
      return targetOf(attributes);
    default:
      if (RESULTS.has(name)) registers.store(word(attributes, RESULTS.get(name) ?? 0), null);
      if (ACCEPTING.has(name)) return { kind: 'accept' };
      return NEUTRAL.has(name) ? 'yes' : 'perhaps';
  }
}

function payloadOf(attributes: Attributes, packet: Packet): Uint8Array | null {
  const bases = new Map([
    [LINK_HEADER, 0],
    [NETWORK_HEADER, IP],
    [TRANSPORT_HEADER, PAYLOAD],
  ]);
  const base = bases.get(word(attributes, NFTA_PAYLOAD_BASE));
  if (base === undefined) return null;
  const offset = word(attributes, NFTA_PAYLOAD_OFFSET);
  return bytesOf(packet, base + offset, word(attributes, NFTA_PAYLOAD_LEN));
}

function metaOf(key: number, packet: Packet): Uint8Array | null {
  switch (key) {
    case NFT_META_IIF:
      return indexOf(packet.input);
    case NFT_META_OIF:
      return indexOf(packet.output);
    case NFT_META_IIFNAME:
      return nameOf(packet.input);
    case NFT_META_OIFNAME:
      return nameOf(packet.output);
    case NFT_META_PROTOCOL:
      return bytesOf(packet, ETHERTYPE, 2);
    case NFT_META_NFPROTO:
      return Uint8Array.of(NFPROTO_IPV4);
    case NFT_META_L4PROTO:
      return bytesOf(packet, IP + IP_PROTOCOL, 1);
    case NFT_META_PKTTYPE:
      return Uint8Array.of(0);
    default:
      return null;
  }
}

/** In the host's order, as the kernel has it. */
function indexOf(link: Link | null): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(link?.ifindex ?? 0);
  return bytes;
}

function nameOf(link: Link | null): Uint8Array {
  const bytes = Buffer.alloc(NAME_BYTES);
  bytes.write(link?.name ?? '');
  return bytes;
}

function trackingOf(attributes: Attributes, { ctState }: Packet): Uint8Array | null {
  if (ctState === null || word(attributes, NFTA_CT_KEY) !== NFT_CT_STATE) return null;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(ctState);
  return bytes;
}

function maskedOf(attributes: Attributes, registers: Registers): Uint8Array | null {
  const value = registers.load(
    word(attributes, NFTA_BITWISE_SREG),
    word(attributes, NFTA_BITWISE_LEN),
  );
  const mask = dataOf(attributes, NFTA_BITWISE_MASK);
  const xor = dataOf(attributes, NFTA_BITWISE_XOR);
  if (value === null || mask === null || xor === null || word(attributes, NFTA_BITWISE_OP) !== 0) {
    return null;
  }
  return value.map((byte, i) => (byte & mask[i]) ^ xor[i]);
}

function compare(attributes: Attributes, registers: Registers): Answer {
  const wanted = dataOf(attributes, NFTA_CMP_DATA);
  if (wanted === null) return 'perhaps';
  const value = registers.load(word(attributes, NFTA_CMP_SREG), wanted.length);
  if (value === null) return 'perhaps';
  const operation = word(attributes, NFTA_CMP_OP);
  if (operation !== NFT_CMP_EQ && operation !== NFT_CMP_NEQ) {
    return answer(isInOrder(Buffer.compare(value, wanted), operation));
  }
  return answer(value.equals(wanted), operation === NFT_CMP_NEQ);
}

/** Operations 2 to 5: <, <=, >, >=. */
function isInOrder(order: number, operation: number): boolean {
  return [order < 0, order <= 0, order > 0, order >= 0][operation - 2] ?? false;
}

function range(attributes: Attributes, registers: Registers): Answer {
  const [from, to] = [NFTA_RANGE_FROM_DATA, NFTA_RANGE_TO_DATA].map((type) =>
    dataOf(attributes, type),
  );
  if (from === null || to === null) return 'perhaps';
  const value = registers.load(word(attributes, NFTA_RANGE_SREG), from.length);
  if (value === null) return 'perhaps';
  const isWithin = from.compare(value) <= 0 && value.compare(to) <= 0;
  return answer(isWithin, word(attributes, NFTA_RANGE_OP) === NFT_CMP_NEQ);
}

/** Whether something is in a set; for a map, what it has for that: a verdict, or a value for a register. */
function lookup(attributes: Attributes, registers: Registers, sets: Sets): Answer | Verdict {
  const name = attributes.get(NFTA_LOOKUP_SET);
  const set = name === undefined ? undefined : sets.get(readText(name));
  const key =
    set === undefined ? null : registers.load(word(attributes, NFTA_LOOKUP_SREG), set.keyBytes);
  const found = set === undefined || key === null ? 'perhaps' : lookUp(set, key);
  const target = attributes.get(NFTA_LOOKUP_DREG)?.readUInt32BE(0);
  if (found === 'perhaps') {
    if (target !== undefined) registers.store(target, null);
    return 'perhaps';
  }
  const isInverted = (word(attributes, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_INVERTED) !== 0;
  if (found === null || target === undefined) return answer(found !== null, isInverted);
  const verdict = found.data?.get(NFTA_DATA_VERDICT);
  if (verdict !== undefined) return verdictOf(readAttributes(verdict));
  registers.store(target, found.data?.get(NFTA_DATA_VALUE) ?? null);
  return 'yes';
}

function immediate(attributes: Attributes, registers: Registers): 'yes' | 'perhaps' | Verdict {
  const data = attributes.get(NFTA_IMMEDIATE_DATA);
  const nested = data === undefined ? undefined : readAttributes(data);
  const verdict = nested?.get(NFTA_DATA_VERDICT);
  if (verdict !== undefined) return verdictOf(readAttributes(verdict));
  registers.store(word(attributes, NFTA_IMMEDIATE_DREG), nested?.get(NFTA_DATA_VALUE) ?? null);
  return 'yes';
}

/** Numbers are in network order. */
function word(attributes: Attributes, type: number): number {
  return attributes.get(type)?.readUInt32BE(0) ?? 0;
}

function dataOf(attributes: Attributes, type: number): Buffer | null {
  const data = attributes.get(type);
  return (data === undefined ? undefined : readAttributes(data).get(NFTA_DATA_VALUE)) ?? null;
}
