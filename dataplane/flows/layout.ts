/**
 * The table of flows, in memory that the kernel's programs (dataplane/sys/fastpath) and the data plane share. A flow is
 * one direction of a connection: what its packets look like, and what is to be made of them.
 *
 * Buckets of four flows; which one a flow can be in follows from its addresses and ports. A bucket:
 *
 *     word 0         16        32        48        64                80
 *          +---------+---------+---------+---------+----+----+----+----+
 *          | flow 0  | flow 1  | flow 2  | flow 3  | notes of each     |
 *          +---------+---------+---------+---------+----+----+----+----+
 *
 * A flow, written by the data plane and counted in by the kernel:
 *
 *     word 0            1         2            3                4         5
 *          +------------+---------+------------+----------------+---------+-------------------+
 *          | generation | source  | destination| source port,   | new     | new port, flags   |
 *          |            | address | address    | destination p. | address | 16        16      |
 *          +------------+---------+------------+----------------+---------+-------------------+
 *     word 6            7         8            9    10   11     12        13       14     15
 *          +------------+---------+------------+----------------+---------+--------+----------+
 *          | header     | ifindex | largest    | MAC addresses: | packets | report | bytes    |
 *          | checksum   | out     | frame      | to, from       |         |        |          |
 *          +------------+---------+------------+----------------+---------+--------+----------+
 *
 * Addresses, ports and the checksum's difference are as in the packet, so their words are those bytes in memory. Notes
 * are the data plane's own: connection, and how much of packets and bytes it has counted already.
 *
 * The bucket after the last one is no bucket but says how the table is to be read:
 *
 *     word 0             1              2..7               8         9
 *          +-------------+--------------+------------------+---------+---------+
 *          | generation  | generation   | key of the hash  | buckets | reports |
 *          | to skip     | to forward   |                  |         |         |
 *          +-------------+--------------+------------------+---------+---------+
 *
 * A flow counts while its generation is the present one, and a new one ends all flows at once. A place is free, or taken by
 * whoever writes a flow there, or rests for a while after a flow has ended; the kernel's programs take places, too, where they
 * open connections by themselves (openings-layout.ts). Such a flow's notes name the server, negative, and the slot of the
 * other direction, until the data plane has made the connection.
 *
 * There are two words of the generation because two programs look at each packet, one after the other: the first one keeps it from the
 * data plane's rings, the second one forwards it (programs.ts). What is to end first stops being skipped.
 *
 * Packets that change a connection's state are reported, in the order in which they came, in a ring of their own: two
 * words a report, of which the second is unused. Its reader writes 0 where it has read.
 *
 *     | slot of the flow + 1: 24 bits | TCP flags: 8 |
 *
 * The flow's word "report" is that first half, with a bit below it: the flow's next packet is to be reported, whatever it
 * is. The number of reports ever made counts in the table's description.
 */
export const WAYS = 4;
export const FLOW_WORDS = 16;
const NOTE_WORDS = 4;
export const NOTES = WAYS * FLOW_WORDS;
export const BUCKET_WORDS = NOTES + WAYS * NOTE_WORDS;
export const BUCKET_BYTES = BUCKET_WORDS * Int32Array.BYTES_PER_ELEMENT;

export const GENERATION = 0;
/** In the place of a generation. */
export const FREE = 0;
export const TAKEN = -1;
/** The highest generation. Beyond it, with the uppermost bit alone, is when a place began to rest, in ticks. */
export const GENERATION_MAX = 0x3fff_ffff;
export const RESTING = 0x8000_0000 | 0;
export const RESTING_SHIFT = 30;
/** Programs run for microseconds; a virtual machine may be halted in between, and `now` be of a moment ago. */
export const REST_TICKS = 20;
/** The clocks of kernel and data plane are the same, but not read at the same time. */
export const REST_SLACK_TICKS = 64;
export const SOURCE = 1;
export const DESTINATION = 2;
export const PORTS = 3;
export const NEW_ADDRESS = 4;
export const NEW_PORT = 5;
export const HEADER_DIFFERENCE = 6;
export const IFINDEX = 7;
export const FRAME_MAX = 8;
export const MACS = 9;
export const PACKETS = 12;
export const REPORT = 13;
export const BYTES_LOW = 14;
export const BYTES_HIGH = 15;

/** In the upper half of the word of the new port. */
export const REWRITES_SOURCE = 0x1_0000;
export const CHANGES_PORT = 0x2_0000;
/** The kernel has made the flow for a client's SYN, which has not passed yet. */
export const OPENS = 0x4_0000;

export const SKIP_GENERATION = 0;
export const FORWARD_GENERATION = 1;
export const KEY = 2;
export const KEY_WORDS = 6;
export const BUCKETS = 8;
export const REPORTS = 9;

/** Where the notes about a flow are, from its bucket's start; `way` is its place in the bucket. */
export function notesOf(way: number): number {
  return NOTES + way * NOTE_WORDS;
}
export const REPORT_NEXT = 1;
export const REPORT_SLOT_SHIFT = 1;
export const REPORT_WORDS = 2;
export const REPORT_BYTES = REPORT_WORDS * Int32Array.BYTES_PER_ELEMENT;

export const NOTE_CONNECTION = 0;
export const NOTE_PACKETS = 1;
/** Of a flow that has no connection yet. */
export const NOTE_PARTNER = 1;
export const NOTE_BYTES_LOW = 2;
export const NOTE_BYTES_HIGH = 3;
