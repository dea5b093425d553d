/** The kernel's rules of policy routing (`ip rule`), by rtnetlink. Source: linux/fib_rules.h. */
import type { NetlinkSocket } from './netlink.js';
import { readAttributes } from './netlink-message.js';
import { AF_INET, dumpRequest } from './rtnetlink.js';

const RTM_GETRULE = 34;
const RULE_HEADER_BYTES = 12;
const FRA_PRIORITY = 6;
/** Priorities of the rules that every host has: tables local, main and default. */
const ORDINARY = new Set([0, 32_766, 32_767]);

export interface RoutingRule {
  priority: number;
  /** The table's number, as far as the header holds it. */
  table: number;
}

/** The rules for IPv4 that aren't every host's. */
export function readRoutingRules(socket: NetlinkSocket): RoutingRule[] {
  const rules: RoutingRule[] = [];
  const request = dumpRequest(RTM_GETRULE, RULE_HEADER_BYTES, AF_INET);
  socket.dump('listing routing rules', request, ({ body }) => {
    // struct fib_rule_hdr: family 1, lengths of destination and source 2, tos 1, table 1, ...
    const attributes = readAttributes(body.subarray(RULE_HEADER_BYTES));
    const priority = attributes.get(FRA_PRIORITY)?.readUInt32LE(0) ?? 0;
    if (body[0] === AF_INET && !ORDINARY.has(priority)) rules.push({ priority, table: body[4] });
  });
  return rules;
}
