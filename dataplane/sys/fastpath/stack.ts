/** Where what is in a packet's headers, and where the programs have it, and more, on their stack. */
export const IP = 14;
export const IP_SOURCE = IP + 12;
export const IP_DESTINATION = IP + 16;
export const IP_HEADER_END = IP + 20;
export const TCP_FLAGS = IP_HEADER_END + 13;

/** Of a packet's headers on the stack: the IP header lies at a multiple of four. */
export const HEADERS = -66;
export const LOOKUP_KEY = -72;
/** A pointer: the flow's bucket, then the table's description. */
export const POINTER = -80;

export const word = (index: number): number => index * Int32Array.BYTES_PER_ELEMENT;
