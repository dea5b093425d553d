/**
 * What the expressions of an nf_tables rule make of a packet. Those that decide by what can't be known here (sets,
 * rates, the extensions of iptables) are a "perhaps".
 */
import {
  LINK_HEADER,
  NETWORK_HEADER,
  NF_DROP,
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
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
  TRANSPORT_HEADER,
} from '../../../../dataplane/sys/nft-expressions.js';
import { readAttributes, readText } from '../../../../dataplane/sys/netlink-message.js';
import type { RulesetRule } from '../../../../dataplane/sys/nft-ruleset.js';
import type { Link } from '../../../../dataplane/sys/rtnetlink.js';
import { IP, PAYLOAD } from '../probe/packets.js';
import { bytesOf, type Packet } from './packet.js';
import { Registers } from './registers.js';

type Attributes = Map<number, Buffer>;

/** What a rule says in the end; `null`: on with the next one. */
export type Verdict =
  { kind: 'accept' | 'drop' | 'return' } | { kind: 'jump' | 'goto'; chain: string };

export interface Outcome {
  verdict: Verdict | null;
  /** False: perhaps the rule doesn't match. */
  isCertain: boolean;
}

const NO_MATCH: Outcome = { verdict: null, isCertain: true };

const NF_ACCEPT = 1;
const NFT_JUMP = -3;
const NFT_GOTO = -4;
const NFT_RETURN = -5;
const NFT_META_PROTOCOL = 1;
const NFT_META_IIFNAME = 6;
const NFT_META_OIFNAME = 7;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const NFT_CT_STATE = 0;
const NFTA_BITWISE_OP = 6;
const NFTA_TARGET_NAME = 1;
const NFTA_MATCH_NAME = 1;
const NFTA_MATCH_INFO = 3;
const XT_CONNTRACK_FLAGS = 146;
const XT_CONNTRACK_STATES = 150;
const XT_CONNTRACK_STATE = 1;
const NFPROTO_IPV4 = 2;
const IP_PROTOCOL = 9;
const ETHERTYPE = 12;
const NAME_BYTES = 16;
/** These let each packet go on to the next expression. */
const NEUTRAL = new Set(['counter', 'log', 'notrack', 'dup', 'dynset', 'objref']);
/** These end it well. */
const ACCEPTING = new Set(['masq', 'nat', 'redir', 'queue', 'tproxy', 'synproxy', 'fwd']);
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

/** What one rule says about a packet. */
export function judge(rule: RulesetRule, packet: Packet): Outcome {
  const registers = new Registers();
  let isCertain = true;
  for (const { name, attributes } of rule.expressions) {
    const result = evaluate(name, attributes, registers, packet);
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
): 'yes' | 'no' | 'perhaps' | Verdict {
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
    case 'immediate':
      return immediate(attributes, registers);
    case 'reject':
      return { kind: 'drop' };
    case 'match':
      return matchOf(attributes, packet);
    case 'target':
      return targetOf(attributes);
    default:
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

function compare(attributes: Attributes, registers: Registers): 'yes' | 'no' | 'perhaps' {
  const wanted = dataOf(attributes, NFTA_CMP_DATA);
  if (wanted === null) return 'perhaps';
  const value = registers.load(word(attributes, NFTA_CMP_SREG), wanted.length);
  if (value === null) return 'perhaps';
  const operation = word(attributes, NFTA_CMP_OP);
  if (operation !== NFT_CMP_EQ && operation !== NFT_CMP_NEQ) {
    return isInOrder(Buffer.compare(value, wanted), operation) ? 'yes' : 'no';
  }
  return value.equals(wanted) === (operation === NFT_CMP_EQ) ? 'yes' : 'no';
}

/** Operations 2 to 5: <, <=, >, >=. */
function isInOrder(order: number, operation: number): boolean {
  return [order < 0, order <= 0, order > 0, order >= 0][operation - 2] ?? false;
}

function immediate(attributes: Attributes, registers: Registers): 'yes' | 'perhaps' | Verdict {
  const data = attributes.get(NFTA_IMMEDIATE_DATA);
  const nested = data === undefined ? undefined : readAttributes(data);
  const verdict = nested?.get(NFTA_DATA_VERDICT);
  if (verdict !== undefined) return verdictOf(readAttributes(verdict));
  registers.store(word(attributes, NFTA_IMMEDIATE_DREG), nested?.get(NFTA_DATA_VALUE) ?? null);
  return 'yes';
}

function verdictOf(attributes: Attributes): 'yes' | 'perhaps' | Verdict {
  const code = attributes.get(NFTA_VERDICT_CODE)?.readInt32BE(0);
  const name = attributes.get(NFTA_VERDICT_CHAIN);
  const chain = name === undefined ? '' : readText(name);
  switch (code) {
    case NF_DROP:
      return { kind: 'drop' };
    case NF_ACCEPT:
      return { kind: 'accept' };
    case NFT_JUMP:
      return { kind: 'jump', chain };
    case NFT_GOTO:
      return { kind: 'goto', chain };
    case NFT_RETURN:
      return { kind: 'return' };
    default:
      return 'perhaps';
  }
}

/**
 * A match of iptables that nf_tables has no word of its own for. Of struct xt_conntrack_mtinfo3 (xt_conntrack.h), three
 * half words: what is compared, what is inverted, and bits of `ct state`.
 */
function matchOf(attributes: Attributes, { ctState }: Packet): 'yes' | 'no' | 'perhaps' {
  const name = attributes.get(NFTA_MATCH_NAME);
  if (name !== undefined && readText(name) === 'comment') return 'yes';
  const info = attributes.get(NFTA_MATCH_INFO);
  const isTracking = name !== undefined && readText(name) === 'conntrack';
  if (!isTracking || info === undefined || info.length <= XT_CONNTRACK_STATES + 1) return 'perhaps';
  const compared = info.readUInt16LE(XT_CONNTRACK_FLAGS);
  if (ctState === null || compared !== XT_CONNTRACK_STATE) return 'perhaps';
  const isInverted = (info.readUInt16LE(XT_CONNTRACK_FLAGS + 2) & XT_CONNTRACK_STATE) !== 0;
  const isOne = (info.readUInt16LE(XT_CONNTRACK_STATES) & ctState) !== 0;
  return isOne !== isInverted ? 'yes' : 'no';
}

/** A target of iptables that nf_tables has no word of its own for. */
function targetOf(attributes: Attributes): 'yes' | 'perhaps' | Verdict {
  const name = attributes.get(NFTA_TARGET_NAME);
  const target = name === undefined ? '' : readText(name);
  if (target === 'REJECT') return { kind: 'drop' };
  return NEUTRAL_TARGETS.has(target) ? 'yes' : 'perhaps';
}

/** Numbers are in network order. */
function word(attributes: Attributes, type: number): number {
  return attributes.get(type)?.readUInt32BE(0) ?? 0;
}

function dataOf(attributes: Attributes, type: number): Buffer | null {
  const data = attributes.get(type);
  return (data === undefined ? undefined : readAttributes(data).get(NFTA_DATA_VALUE)) ?? null;
}
