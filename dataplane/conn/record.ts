/**
 * A connection's record: sixteen int32 words, 64 bytes, one cache line.
 *
 *     word   0          1         2          3            4              5                       6
 *          +----------+---------+----------+------------+--------------+-----------------------+-------+
 *          | mark     | client  | virtual  | destination| cport  vport | dport  protocol state | flags |
 *          |          | address | address  | address    | 16     16    | 16     8        8     |       |
 *          +----------+---------+----------+------------+--------------+-----------------------+-------+
 *     word   7          8         9          10           11             12        13       14       15
 *          +----------+---------+----------+------------+--------------+---------+--------+--------+--------+
 *          | server   | timeout | deadline | packets in | controller   | children| chain  | client | hop    |
 *          | number   | ticks   | tick     |            | (template)   |         | next   | hop    | gener. |
 *          +----------+---------+----------+------------+--------------+---------+--------+--------+--------+
 *
 * Words 1 to 11 outlive the process; children, chain and hop follow from the other records and are
 * built anew. Addresses are int32 in host order. Beside the record a connection costs two words of the
 * timer wheel and one or two of the index: 80 bytes at most.
 *
 * An IPv6 connection will need a record of its own layout (three addresses more than fill a cache line),
 * in a region of its own; protocol and flags have room for UDP and the other forwarding methods.
 */
import { MARK, type RecordLayout } from '../memory/region.js';

export const CONNECTION_LAYOUT: RecordLayout = { kind: 1, version: 1, recordWords: 16 };

export const W_MARK = MARK;
export const W_CLIENT = 1;
export const W_VIRTUAL = 2;
export const W_DESTINATION = 3;
export const W_PORTS = 4;
export const W_META = 5;
export const W_FLAGS = 6;
export const W_SERVER = 7;
export const W_TIMEOUT = 8;
export const W_DEADLINE = 9;
export const W_IN_PACKETS = 10;
export const W_CONTROLLER = 11;
export const W_CHILDREN = 12;
export const W_CHAIN = 13;
export const W_HOP = 14;
export const W_HOP_GENERATION = 15;

/** Connection flags: ip_vs's own numbers. */
export const F_FORWARD_MASK = 0x0007;
export const F_INACTIVE = 0x0100;
export const F_TEMPLATE = 0x1000;
/** Not one of ip_vs's: a template's time is up, and it waits a little for its last connections. */
export const F_OVERDUE = 0x10_0000;
/** Nor this: the server has answered the client's SYN. */
export const F_ANSWERED = 0x20_0000;

/** State of a template: set once a connection under it was established. */
export const TEMPLATE_ASSURED = 1;
