/**
 * Expressions of nf_tables rules: load a field into a register, compare it, look it up, decide.
 *
 * REGISTER is one of 16 bytes. Its parts of 4 bytes, WORD_0 and WORD_1, hold the fields of a concatenation
 * such as "address . port"; a field of 2 bytes fills the first half of its word, the rest is zero.
 */
import type { MessageBuilder } from './netlink-message.js';
import type { Expression } from './nftables.js';

export const REGISTER = 1;
export const WORD_0 = 8;
export const WORD_1 = 9;
export const VERDICT_REGISTER = 0;

/** Where an offset counts from. */
export const LINK_HEADER = 0;
export const NETWORK_HEADER = 1;
export const TRANSPORT_HEADER = 2;

export const NFTA_PAYLOAD_DREG = 1;
export const NFTA_PAYLOAD_BASE = 2;
export const NFTA_PAYLOAD_OFFSET = 3;
export const NFTA_PAYLOAD_LEN = 4;
export const NFTA_META_DREG = 1;
export const NFTA_META_KEY = 2;
export const NFT_META_IIF = 4;
export const NFT_META_OIF = 5;
export const NFT_META_PKTTYPE = 19;
export const NFTA_CMP_SREG = 1;
export const NFTA_CMP_OP = 2;
export const NFTA_CMP_DATA = 3;
export const NFT_CMP_EQ = 0;
export const NFT_CMP_NEQ = 1;
export const NFTA_BITWISE_SREG = 1;
export const NFTA_BITWISE_DREG = 2;
export const NFTA_BITWISE_LEN = 3;
export const NFTA_BITWISE_MASK = 4;
export const NFTA_BITWISE_XOR = 5;
export const NFTA_LOOKUP_SET = 1;
export const NFTA_LOOKUP_SREG = 2;
export const NFTA_IMMEDIATE_DREG = 1;
export const NFTA_IMMEDIATE_DATA = 2;
export const NFTA_DATA_VALUE = 1;
export const NFTA_DATA_VERDICT = 2;
export const NFTA_VERDICT_CODE = 1;
export const NFTA_VERDICT_CHAIN = 2;
export const NF_DROP = 0;
export const NFT_JUMP = -3;

export function load(base: number, offset: number, length: number, to = REGISTER): Expression {
  return {
    name: 'payload',
    fill: (data) =>
      data
        .u32be(NFTA_PAYLOAD_DREG, to)
        .u32be(NFTA_PAYLOAD_BASE, base)
        .u32be(NFTA_PAYLOAD_OFFSET, offset)
        .u32be(NFTA_PAYLOAD_LEN, length),
  };
}

/** Loads how the frame was addressed on the link; one byte, 0 for "to this host". */
export function loadPacketType(): Expression {
  return loadMeta(NFT_META_PKTTYPE);
}

/** Loads the index of the interface that the packet came in by: 4 bytes in the host's order. */
export function loadInputInterface(): Expression {
  return loadMeta(NFT_META_IIF);
}

/** The same of the interface that it is to leave by. */
export function loadOutputInterface(): Expression {
  return loadMeta(NFT_META_OIF);
}

function loadMeta(key: number): Expression {
  return {
    name: 'meta',
    fill: (data) => data.u32be(NFTA_META_DREG, REGISTER).u32be(NFTA_META_KEY, key),
  };
}

/** Keeps the masked bits of the register. */
export function mask(...bytes: number[]): Expression {
  return {
    name: 'bitwise',
    fill: (data) => {
      data.u32be(NFTA_BITWISE_SREG, REGISTER).u32be(NFTA_BITWISE_DREG, REGISTER);
      data.u32be(NFTA_BITWISE_LEN, bytes.length);
      nestValue(data, NFTA_BITWISE_MASK, Uint8Array.from(bytes));
      nestValue(data, NFTA_BITWISE_XOR, new Uint8Array(bytes.length));
    },
  };
}

/** Goes on with the rule where the register has this value. */
export function equals(...bytes: number[]): Expression {
  return compare(NFT_CMP_EQ, bytes);
}

export function differs(...bytes: number[]): Expression {
  return compare(NFT_CMP_NEQ, bytes);
}

/** Goes on with the rule where the register's value is in the set. */
export function isIn(set: string, from = REGISTER): Expression {
  return {
    name: 'lookup',
    fill: (data) => data.text(NFTA_LOOKUP_SET, set).u32be(NFTA_LOOKUP_SREG, from),
  };
}

export function counter(): Expression {
  return { name: 'counter', fill: () => {} };
}

export function drop(): Expression {
  return verdict((data) => data.u32be(NFTA_VERDICT_CODE, NF_DROP));
}

export function jump(chain: string): Expression {
  return verdict((data) => data.u32be(NFTA_VERDICT_CODE, NFT_JUMP).text(NFTA_VERDICT_CHAIN, chain));
}

/** Replaces the source address by one of the interface that the packet leaves by. */
export function masquerade(): Expression {
  return { name: 'masq', fill: () => {} };
}

function compare(operation: number, bytes: readonly number[]): Expression {
  return {
    name: 'cmp',
    fill: (data) => {
      data.u32be(NFTA_CMP_SREG, REGISTER).u32be(NFTA_CMP_OP, operation);
      nestValue(data, NFTA_CMP_DATA, Uint8Array.from(bytes));
    },
  };
}

function verdict(fill: (data: MessageBuilder) => void): Expression {
  return {
    name: 'immediate',
    fill: (data) => {
      data.u32be(NFTA_IMMEDIATE_DREG, VERDICT_REGISTER);
      data.nest(NFTA_IMMEDIATE_DATA, () => data.nest(NFTA_DATA_VERDICT, fill));
    },
  };
}

function nestValue(data: MessageBuilder, type: number, value: Uint8Array): void {
  data.nest(type, () => data.attribute(NFTA_DATA_VALUE, value));
}
