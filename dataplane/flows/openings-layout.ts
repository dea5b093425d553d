/**
 * Memory that the kernel's programs and the data plane share beside the table of flows (layout.ts), so that the kernel opens
 * connections of busy services by itself: decisions made ahead, one for each of the next connections.
 *
 * An array of elements of sixteen words:
 *
 *     element    +-------------------+
 *                | ways to clients   |  one client each, at a place that follows from its address
 *                +-------------------+
 *                | queues            |  one service each, at a place that follows from its VIP and port
 *                +-------------------+
 *                | openings          |  QUEUE_ROOM for each queue, taken in a ring
 *                +-------------------+
 *                | occupied          |  counters of a byte, at a place that follows from a flow's hash
 *                +-------------------+
 *
 *     way to a client   | generation | address | ifindex | largest frame | MAC addresses: to, from  (3) |
 *     queue             | generation | VIP | port | deadline, tick | openings made | openings taken |
 *     opening           | server | its address | new port, flags | header checksum to it | and back |
 *                       | ifindex | largest frame | MAC addresses: to, from  (3) | scheduler's words  (4) |
 *
 * Addresses, ports and differences of checksums are as in a packet. A way or queue counts while its generation is that of
 * the flows. Openings are numbered, modulo 2^32: from `taken` to `made` they may be taken, by whoever first writes the next
 * number into `taken`; the data plane takes them, too. A counter of what is occupied is above 0 where a SYN must come to the
 * data plane, since there is, or may be, a connection of these ends which it doesn't begin anew. The scheduler's words are
 * the data plane's own: what they were before the decision.
 */
export const ELEMENT_WORDS = 16;
export const ELEMENT_BYTES = ELEMENT_WORDS * Int32Array.BYTES_PER_ELEMENT;

export const CLIENTS_BITS = 14;
export const CLIENTS = 1 << CLIENTS_BITS;
export const QUEUES_BITS = 5;
export const QUEUES = 1 << QUEUES_BITS;
/** A power of two. */
export const QUEUE_ROOM = 4096;
/** Four million counters. */
export const OCCUPIED_BITS = 22;
/** The hash's lower bits are the flow's bucket. */
export const OCCUPIED_SHIFT = 32 - OCCUPIED_BITS;

export const QUEUES_AT = CLIENTS;
export const OPENINGS_AT = QUEUES_AT + QUEUES;
export const OCCUPIED_AT = OPENINGS_AT + QUEUES * QUEUE_ROOM;
export const ELEMENTS = OCCUPIED_AT + (1 << OCCUPIED_BITS) / ELEMENT_BYTES;

/** Of a way to a client, and of a queue. */
export const VALID_GENERATION = 0;

export const CLIENT_ADDRESS = 1;
/** Interface, largest frame and MAC addresses are in the order of a flow's. */
export const CLIENT_WAY = 2;

export const QUEUE_VIRTUAL = 1;
export const QUEUE_PORT = 2;
export const QUEUE_DEADLINE = 3;
export const QUEUE_MADE = 4;
export const QUEUE_TAKEN = 5;

export const OPENING_SERVER = 0;
export const OPENING_ADDRESS = 1;
export const OPENING_PORT = 2;
export const OPENING_DIFFERENCE = 3;
export const OPENING_DIFFERENCE_BACK = 4;
export const OPENING_WAY = 5;
/** Words of it that the kernel reads. */
export const OPENING_WORDS = 10;
export const OPENING_SCHEDULER = 10;

/** Words of a way: interface, largest frame, MAC addresses. */
export const WAY_WORDS = 5;
