/**
 * Masquerading of what the real servers send out on their own, by the kernel:
 *
 *     table ip NAME { chain postrouting { type nat hook postrouting priority 100
 *                       ip saddr CIDR ip daddr != CIDR masquerade } }
 *
 * Packets of balanced connections never get there: on their way in interception drops them before connection
 * tracking, and frames that a packet socket sends pass no netfilter hook at all.
 */
import { prefixMask } from '../route/prefixes.js';
import {
  NETWORK_HEADER,
  counter,
  differs,
  equals,
  load,
  mask,
  masquerade,
} from './nft-expressions.js';
import { NFPROTO_IPV4, NF_INET_POST_ROUTING, TableChange, openNftables } from './nftables.js';
import { addressBytes } from './rtnetlink.js';

const CHAIN = 'postrouting';
/** Where source NAT belongs among the hooks. */
const PRIORITY_SOURCE_NAT = 100;
const IP_SOURCE = 12;
const IP_DESTINATION = 16;

/** An IPv4 network; the address is int32 in host order. */
export interface Network {
  address: number;
  prefixLength: number;
}

/**
 * Has the kernel masquerade what these networks send elsewhere; without networks, no longer. Stays until
 * it is called again or `removeTables` is. Throws SysError.
 */
export function setMasquerade(tableName: string, networks: readonly Network[]): void {
  const socket = openNftables();
  try {
    const change = new TableChange(socket, NFPROTO_IPV4, tableName).replaceTable();
    if (networks.length === 0) {
      change.deleteTable().commit('ending masquerading');
      return;
    }
    const priority = PRIORITY_SOURCE_NAT;
    change.addChain(CHAIN, { type: 'nat', number: NF_INET_POST_ROUTING, priority });
    for (const { address, prefixLength } of networks) {
      const bits = prefixMask(prefixLength);
      const network = addressBytes(address & bits);
      change.addRule(CHAIN, [
        load(NETWORK_HEADER, IP_SOURCE, 4),
        mask(...addressBytes(bits)),
        equals(...network),
        load(NETWORK_HEADER, IP_DESTINATION, 4),
        mask(...addressBytes(bits)),
        differs(...network),
        counter(),
        masquerade(),
      ]);
    }
    change.commit('masquerading');
  } finally {
    socket.close();
  }
}
