/**
 * The chains and rules of nf_tables as the kernel lists them, with the expressions that each rule is made of, not
 * interpreted, and the sets that these name. Source: linux/netfilter/nf_tables.h.
 */
import type { NetlinkSocket } from './netlink.js';
import { NFTA_LOOKUP_SET } from './nft-expressions.js';
import { readSets, type RulesetSet, type SetPlace } from './nft-sets.js';
import { readAttributes, readElements, readText, textOf } from './netlink-message.js';
import {
  listAll,
  nftMessage,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_HOOK_DEV,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_TABLE,
  openNftables,
} from './nftables.js';

const NFT_MSG_GETCHAIN = nftMessage(4);
const NFT_MSG_GETRULE = nftMessage(7);
const NFTA_CHAIN_POLICY = 5;
const NFTA_HOOK_DEVS = 4;
const NFTA_RULE_HANDLE = 3;
const NF_DROP = 0;

export interface RulesetRule {
  /** What `nft delete rule` calls it. */
  handle: bigint;
  expressions: { name: string; attributes: Map<number, Buffer> }[];
}

export interface RulesetChain {
  /** As in nftables.ts. */
  family: number;
  table: string;
  name: string;
  /** Null where the chain is only jumped to. */
  hook: { number: number; priority: number; devices: string[] } | null;
  /** What becomes of packets that come to its end. */
  dropsByPolicy: boolean;
  rules: RulesetRule[];
  /** Those that rules of its table look into, by name. */
  sets: ReadonlyMap<string, RulesetSet>;
}

/** All chains of all families in tables that are asked for. Needs CAP_NET_ADMIN. Throws SysError. */
export function readRuleset(isWanted: (table: string) => boolean): RulesetChain[] {
  const socket = openNftables();
  try {
    const chains: RulesetChain[] = [];
    listAll(socket, 'listing chains', NFT_MSG_GETCHAIN, (family, attributes) => {
      const chain = parseChain(family, attributes);
      if (isWanted(chain.table)) chains.push(chain);
    });
    const byKey = new Map(
      chains.map((chain) => [keyOf(chain.family, chain.table, chain.name), chain]),
    );
    listAll(socket, 'listing rules', NFT_MSG_GETRULE, (family, attributes) => {
      const table = textOf(attributes, NFTA_RULE_TABLE);
      const chain = byKey.get(keyOf(family, table, textOf(attributes, NFTA_RULE_CHAIN)));
      chain?.rules.push(parseRule(attributes));
    });
    addSets(socket, chains);
    return chains;
  } finally {
    socket.close();
  }
}

function addSets(socket: NetlinkSocket, chains: readonly RulesetChain[]): void {
  const named = new Set(
    chains.flatMap(({ family, table, rules }) =>
      rules.flatMap(({ expressions }) =>
        expressions
          .filter(({ name }) => name === 'lookup')
          .map(({ attributes }) => keyOf(family, table, textOf(attributes, NFTA_LOOKUP_SET))),
      ),
    ),
  );
  if (named.size === 0) return;
  const isNamed = ({ family, table, name }: SetPlace): boolean =>
    named.has(keyOf(family, table, name));
  const found = readSets(socket, isNamed);
  for (const chain of chains) {
    const own = found.filter(
      ({ place }) => place.family === chain.family && place.table === chain.table,
    );
    chain.sets = new Map(own.map(({ place, set }) => [place.name, set]));
  }
}

function parseChain(family: number, attributes: Map<number, Buffer>): RulesetChain {
  const hook = attributes.get(NFTA_CHAIN_HOOK);
  return {
    family,
    table: textOf(attributes, NFTA_CHAIN_TABLE),
    name: textOf(attributes, NFTA_CHAIN_NAME),
    hook: hook === undefined ? null : parseHook(readAttributes(hook)),
    dropsByPolicy: attributes.get(NFTA_CHAIN_POLICY)?.readUInt32BE(0) === NF_DROP,
    rules: [],
    sets: new Map(),
  };
}

function parseHook(attributes: Map<number, Buffer>): RulesetChain['hook'] {
  const device = attributes.get(NFTA_HOOK_DEV);
  const devices = attributes.get(NFTA_HOOK_DEVS);
  const all = devices === undefined ? [] : readElements(devices);
  return {
    number: attributes.get(NFTA_HOOK_HOOKNUM)?.readUInt32BE(0) ?? 0,
    priority: attributes.get(NFTA_HOOK_PRIORITY)?.readInt32BE(0) ?? 0,
    devices: (device === undefined ? all : [device]).map(readText),
  };
}

function parseRule(attributes: Map<number, Buffer>): RulesetRule {
  const expressions = attributes.get(NFTA_RULE_EXPRESSIONS);
  return {
    handle: attributes.get(NFTA_RULE_HANDLE)?.readBigUInt64BE(0) ?? 0n,
    expressions: (expressions === undefined ? [] : readElements(expressions)).map((element) => {
      const expression = readAttributes(element);
      const data = expression.get(NFTA_EXPR_DATA);
      return {
        name: textOf(expression, NFTA_EXPR_NAME),
        attributes: data === undefined ? new Map() : readAttributes(data),
      };
    }),
  };
}

/** Of a chain or a set. */
function keyOf(family: number, table: string, name: string): string {
  return `${family} ${table} ${name}`;
}
