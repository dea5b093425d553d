/**
 * nf_tables over netlink: tables, chains, sets and rules, changed in atomic batches.
 *
 *     BATCH_BEGIN | message | message | ... | BATCH_END        all of it happens, or nothing
 *
 * Every message starts with struct nfgenmsg: family 1, version 1, resource id 2. Numbers in attributes are
 * in network order. A rule is a list of expressions that load packet fields into registers, compare and
 * decide. Sources: linux/netfilter/nf_tables.h, nfnetlink.h.
 */
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink.js';
import {
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  readAttributes,
  textOf,
} from './netlink-message.js';

const ALL_FAMILIES = 0;
/** Families of tables. */
export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_ARP = 3;
export const NFPROTO_NETDEV = 5;
export const NFPROTO_BRIDGE = 7;

/** Hooks. */
export const NF_NETDEV_INGRESS = 0;
export const NF_NETDEV_EGRESS = 1;
export const NF_ARP_IN = 0;
export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_FORWARD = 2;
export const NF_INET_POST_ROUTING = 4;

/** Group of notifications. */
export const NFNLGRP_NFTABLES = 7;

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

export const nftMessage = (type: number): number => (NFNL_SUBSYS_NFTABLES << 8) | type;
const NFT_MSG_NEWTABLE = nftMessage(0);
const NFT_MSG_GETTABLE = nftMessage(1);
export const NFT_MSG_DELTABLE = nftMessage(2);
const NFT_MSG_NEWCHAIN = nftMessage(3);
const NFT_MSG_NEWRULE = nftMessage(6);
const NFT_MSG_NEWSET = nftMessage(9);
const NFT_MSG_NEWSETELEM = nftMessage(12);
const NFT_MSG_DELSETELEM = nftMessage(14);

const NFTA_TABLE_NAME = 1;
export const NFTA_CHAIN_TABLE = 1;
export const NFTA_CHAIN_NAME = 3;
export const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_TYPE = 7;
export const NFTA_HOOK_HOOKNUM = 1;
export const NFTA_HOOK_PRIORITY = 2;
export const NFTA_HOOK_DEV = 3;
export const NFTA_RULE_TABLE = 1;
export const NFTA_RULE_CHAIN = 2;
export const NFTA_RULE_EXPRESSIONS = 4;
export const NFTA_EXPR_NAME = 1;
export const NFTA_EXPR_DATA = 2;
const NFTA_LIST_ELEM = 1;
export const NFTA_SET_TABLE = 1;
export const NFTA_SET_NAME = 2;
export const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
export const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_ID = 10;
export const NFTA_SET_ELEM_LIST_TABLE = 1;
export const NFTA_SET_ELEM_LIST_SET = 2;
export const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
export const NFTA_SET_ELEM_KEY = 1;
const NFTA_DATA_VALUE = 1;

/** Those that tables of ours are of. */
const FAMILIES = [NFPROTO_NETDEV, NFPROTO_IPV4];

export const NFGENMSG_BYTES = 4;
/** Elements in one message: an attribute's length is 16 bits. */
const ELEMENTS_PER_MESSAGE = 1000;

export interface Hook {
  /** "filter" or "nat". */
  type: string;
  number: number;
  priority: number;
  /** The interface, for family netdev. */
  device?: string;
}

/** An expression of a rule: its name and its attributes. */
export interface Expression {
  name: string;
  fill: (data: MessageBuilder) => void;
}

export function openNftables(groups: number[] = []): NetlinkSocket {
  return NetlinkSocket.open(NETLINK_NETFILTER, 'nf_tables', groups);
}

/** Changes to a table, or to several, that happen together. */
export class TableChange {
  private readonly messages: Buffer[] = [];
  private nextSetId = 1;

  constructor(
    private readonly socket: NetlinkSocket,
    private family: number,
    private table: string,
  ) {
    this.messages.push(batchEdge(NFNL_MSG_BATCH_BEGIN, socket));
  }

  /** What follows is about another table. */
  inTable(family: number, table: string): this {
    this.family = family;
    this.table = table;
    return this;
  }

  /** Makes the table, empty whether or not it was there. */
  replaceTable(): this {
    return this.addTable().deleteTable().addTable();
  }

  /** The table must be there. */
  deleteTable(): this {
    return this.add(NFT_MSG_DELTABLE, 0, (m) => m.text(NFTA_TABLE_NAME, this.table));
  }

  addChain(name: string, hook?: Hook): this {
    return this.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, (m) => {
      m.text(NFTA_CHAIN_TABLE, this.table).text(NFTA_CHAIN_NAME, name);
      if (hook === undefined) return;
      m.nest(NFTA_CHAIN_HOOK, () => {
        m.u32be(NFTA_HOOK_HOOKNUM, hook.number).u32be(NFTA_HOOK_PRIORITY, hook.priority);
        if (hook.device !== undefined) m.text(NFTA_HOOK_DEV, hook.device);
      });
      m.text(NFTA_CHAIN_TYPE, hook.type);
    });
  }

  /** `keyType` is nft's number for the type of elements, for those who list it; `keyLength` its bytes. */
  addSet(name: string, keyType: number, keyLength: number): this {
    return this.add(NFT_MSG_NEWSET, NLM_F_CREATE, (m) => {
      m.text(NFTA_SET_TABLE, this.table).text(NFTA_SET_NAME, name);
      m.u32be(NFTA_SET_FLAGS, 0).u32be(NFTA_SET_KEY_TYPE, keyType);
      m.u32be(NFTA_SET_KEY_LEN, keyLength).u32be(NFTA_SET_ID, this.nextSetId++);
    });
  }

  addElements(set: string, keys: readonly Uint8Array[]): this {
    return this.eachChunk(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, keys);
  }

  /** They must be there. */
  deleteElements(set: string, keys: readonly Uint8Array[]): this {
    return this.eachChunk(NFT_MSG_DELSETELEM, 0, set, keys);
  }

  /** Adds a rule at a chain's end. */
  addRule(chain: string, expressions: readonly Expression[]): this {
    return this.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, (m) => {
      m.text(NFTA_RULE_TABLE, this.table).text(NFTA_RULE_CHAIN, chain);
      m.nest(NFTA_RULE_EXPRESSIONS, () => {
        for (const { name, fill } of expressions) {
          m.nest(NFTA_LIST_ELEM, () => {
            m.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, fill);
          });
        }
      });
    });
  }

  /** Has it happen. Throws SysError, and then nothing has changed. `what` names it there. */
  commit(what: string): void {
    this.send(what, [batchEdge(NFNL_MSG_BATCH_END, this.socket)]);
  }

  /** Finds out whether it could happen: the kernel takes everything back for want of an end. Throws SysError. */
  rehearse(what: string): void {
    this.send(what, []);
  }

  private send(what: string, end: readonly Buffer[]): void {
    const last = this.messages.at(-1) as Buffer;
    if (this.messages.length === 1) return;
    last.writeUInt16LE(last.readUInt16LE(6) | NLM_F_ACK, 6);
    this.socket.transact(what, Buffer.concat([...this.messages, ...end]));
  }

  private addTable(): this {
    return this.add(NFT_MSG_NEWTABLE, NLM_F_CREATE, (m) => m.text(NFTA_TABLE_NAME, this.table));
  }

  private eachChunk(type: number, flags: number, set: string, keys: readonly Uint8Array[]): this {
    for (let from = 0; from < keys.length; from += ELEMENTS_PER_MESSAGE) {
      const chunk = keys.slice(from, from + ELEMENTS_PER_MESSAGE);
      this.add(type, flags, (m) => {
        m.text(NFTA_SET_ELEM_LIST_TABLE, this.table).text(NFTA_SET_ELEM_LIST_SET, set);
        m.nest(NFTA_SET_ELEM_LIST_ELEMENTS, () => {
          for (const key of chunk) {
            m.nest(NFTA_LIST_ELEM, () => {
              m.nest(NFTA_SET_ELEM_KEY, () => m.attribute(NFTA_DATA_VALUE, key));
            });
          }
        });
      });
    }
    return this;
  }

  private add(type: number, flags: number, fill: (message: MessageBuilder) => void): this {
    const message = new MessageBuilder(type, flags, generic(this.family, 0));
    fill(message);
    this.messages.push(message.finish(this.socket.nextSequence()));
    return this;
  }
}

/**
 * Removes every table of ours whose name starts with `prefix`, such as those of a director that died.
 * Returns their names. Throws SysError.
 */
export function removeTables(prefix: string): string[] {
  const socket = openNftables();
  try {
    return FAMILIES.flatMap((family) => {
      const names = tablesOf(socket, family, prefix);
      for (const name of names) {
        new TableChange(socket, family, name).deleteTable().commit(`removing table ${name}`);
      }
      return names;
    });
  } finally {
    socket.close();
  }
}

/** Names of all tables of ours that start with `prefix`. Throws SysError. */
export function listTables(prefix: string): string[] {
  const socket = openNftables();
  try {
    return FAMILIES.flatMap((family) => tablesOf(socket, family, prefix));
  } finally {
    socket.close();
  }
}

/** Names of all tables of a family that start with `prefix`. */
function tablesOf(socket: NetlinkSocket, family: number, prefix: string): string[] {
  const names: string[] = [];
  const request = new MessageBuilder(NFT_MSG_GETTABLE, NLM_F_DUMP, generic(family, 0));
  socket.dump('listing nf_tables tables', request, ({ body }) => {
    const name = tableName(body);
    if (body[0] === family && name.startsWith(prefix)) names.push(name);
  });
  return names;
}

/** The table's name in the body of a message about a table. */
export function tableName(body: Buffer): string {
  return textOf(readAttributes(body.subarray(NFGENMSG_BYTES)), NFTA_TABLE_NAME);
}

/** Lists all objects of a kind, of all families: visits each one's family and attributes. Throws SysError. */
export function listAll(
  socket: NetlinkSocket,
  what: string,
  type: number,
  visit: (family: number, attributes: Map<number, Buffer>) => void,
): void {
  const request = new MessageBuilder(type, NLM_F_DUMP, generic(ALL_FAMILIES, 0));
  socket.dump(what, request, ({ body }) =>
    visit(body[0], readAttributes(body.subarray(NFGENMSG_BYTES))),
  );
}

/** struct nfgenmsg. */
export function generic(family: number, resource: number): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource & 0xff]);
}

function batchEdge(type: number, socket: NetlinkSocket): Buffer {
  const message = new MessageBuilder(type, 0, generic(0, NFNL_SUBSYS_NFTABLES));
  return message.finish(socket.nextSequence());
}
