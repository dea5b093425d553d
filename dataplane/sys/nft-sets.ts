/** The sets and maps of nf_tables as the kernel lists them. Source: linux/netfilter/nf_tables.h. */
import type { NetlinkSocket } from './netlink.js';
import {
  MessageBuilder,
  NLM_F_DUMP,
  readAttributes,
  readElements,
  textOf,
} from './netlink-message.js';
import {
  generic,
  listAll,
  NFGENMSG_BYTES,
  nftMessage,
  NFTA_EXPR_NAME,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_FLAGS,
  NFTA_SET_KEY_LEN,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
} from './nftables.js';

const NFT_MSG_GETSET = nftMessage(10);
const NFT_MSG_GETSETELEM = nftMessage(13);
const NFT_SET_INTERVAL = 0x4;
const NFT_SET_EVAL = 0x20;
const NFTA_SET_DESC = 9;
const NFTA_SET_DESC_CONCAT = 2;
const NFTA_SET_FIELD_LEN = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_FLAGS = 3;
const NFTA_SET_ELEM_EXPR = 7;
const NFTA_SET_ELEM_KEY_END = 10;
const NFTA_SET_ELEM_EXPRESSIONS = 11;
const NFT_SET_ELEM_INTERVAL_END = 1;
const NFTA_DATA_VALUE = 1;
/** An element's expressions that let each packet pass. */
const NEUTRAL = new Set(['counter', 'last']);

export interface SetElement {
  /** Null: it stands for whatever no other one does. */
  key: Buffer | null;
  /** The last key of an interval that has its end with it. */
  keyEnd: Buffer | null;
  /** An interval ends before this key, which isn't in it. */
  isEnd: boolean;
  /** Of a map: a value or a verdict, as attributes. */
  data: Map<number, Buffer> | null;
  /** Whether it counts depends on more than its key, on a rate for one. */
  isConditional: boolean;
}

export interface RulesetSet {
  keyBytes: number;
  isInterval: boolean;
  /** Of a key of several parts, how long each is; parts fill whole words. */
  fieldBytes: number[];
  /** Packets add to it: what is in it changes all the time. */
  isDynamic: boolean;
  elements: SetElement[];
}

/** Where a set is. */
export interface SetPlace {
  family: number;
  table: string;
  name: string;
}

/** The sets that `isWanted`, with their places. Throws SysError. */
export function readSets(
  socket: NetlinkSocket,
  isWanted: (place: SetPlace) => boolean,
): { place: SetPlace; set: RulesetSet }[] {
  const found: { place: SetPlace; set: RulesetSet }[] = [];
  listAll(socket, 'listing sets', NFT_MSG_GETSET, (family, attributes) => {
    const place = {
      family,
      table: textOf(attributes, NFTA_SET_TABLE),
      name: textOf(attributes, NFTA_SET_NAME),
    };
    if (isWanted(place)) found.push({ place, set: parseSet(attributes) });
  });
  for (const { place, set } of found) set.elements = readSetElements(socket, place);
  return found;
}

function readSetElements(socket: NetlinkSocket, { family, table, name }: SetPlace): SetElement[] {
  const elements: SetElement[] = [];
  const request = new MessageBuilder(NFT_MSG_GETSETELEM, NLM_F_DUMP, generic(family, 0))
    .text(NFTA_SET_ELEM_LIST_TABLE, table)
    .text(NFTA_SET_ELEM_LIST_SET, name);
  socket.dump(`listing set ${name}`, request, ({ body }) => {
    const list = readAttributes(body.subarray(NFGENMSG_BYTES)).get(NFTA_SET_ELEM_LIST_ELEMENTS);
    if (list !== undefined) elements.push(...readElements(list).map(parseElement));
  });
  return elements;
}

function parseSet(attributes: Map<number, Buffer>): RulesetSet {
  const flags = attributes.get(NFTA_SET_FLAGS)?.readUInt32BE(0) ?? 0;
  const description = attributes.get(NFTA_SET_DESC);
  const fields =
    description === undefined ? undefined : readAttributes(description).get(NFTA_SET_DESC_CONCAT);
  return {
    keyBytes: attributes.get(NFTA_SET_KEY_LEN)?.readUInt32BE(0) ?? 0,
    isInterval: (flags & NFT_SET_INTERVAL) !== 0,
    fieldBytes: (fields === undefined ? [] : readElements(fields)).map(
      (field) => readAttributes(field).get(NFTA_SET_FIELD_LEN)?.readUInt32BE(0) ?? 0,
    ),
    isDynamic: (flags & NFT_SET_EVAL) !== 0,
    elements: [],
  };
}

function parseElement(bytes: Buffer): SetElement {
  const attributes = readAttributes(bytes);
  const data = attributes.get(NFTA_SET_ELEM_DATA);
  const flags = attributes.get(NFTA_SET_ELEM_FLAGS)?.readUInt32BE(0) ?? 0;
  return {
    key: valueOf(attributes.get(NFTA_SET_ELEM_KEY)),
    keyEnd: valueOf(attributes.get(NFTA_SET_ELEM_KEY_END)),
    isEnd: (flags & NFT_SET_ELEM_INTERVAL_END) !== 0,
    data: data === undefined ? null : readAttributes(data),
    isConditional: expressionsOf(attributes).some((name) => !NEUTRAL.has(name)),
  };
}

/** Names of what an element is made of besides its key. */
function expressionsOf(attributes: Map<number, Buffer>): string[] {
  const one = attributes.get(NFTA_SET_ELEM_EXPR);
  const list = attributes.get(NFTA_SET_ELEM_EXPRESSIONS);
  const all = [
    ...(one === undefined ? [] : [one]),
    ...(list === undefined ? [] : readElements(list)),
  ];
  return all.map((expression) => textOf(readAttributes(expression), NFTA_EXPR_NAME));
}

function valueOf(data: Buffer | undefined): Buffer | null {
  return (data === undefined ? undefined : readAttributes(data).get(NFTA_DATA_VALUE)) ?? null;
}
