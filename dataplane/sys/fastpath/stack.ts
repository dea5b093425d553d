/** Where what is in a packet's headers, and where the programs have it, and more, on their stack. */
export const IP = 14;
export const IP_SOURCE = IP + 12;
export const IP_DESTINATION = IP + 16;
export const IP_HEADER_END = IP + 20;
export const TCP_DATA_OFFSET = IP_HEADER_END + 12;
export const TCP_FLAGS = IP_HEADER_END + 13;

/** Of a packet's headers on the stack: the IP header lies at a multiple of four. */
export const HEADERS = -66;
export const LOOKUP_KEY = -72;
/** A pointer: the flow's bucket, then the table's description. */
export const POINTER = -80;

/**
 * Of the opening of a connection (open-connection.ts): numbers, then pointers, then copies of what was prepared. Linux 6.1 takes
 * what is stored at a multiple of eight for a register that is kept there, and lets nothing be stored next to it
 * afterwards: of two numbers that is the later one.
 */
export const HASH = -84;
export const GENERATION_NOW = -88;
export const TAKEN_BEFORE = -92;
export const TO_SERVER_SLOT = -96;
export const FRAME_LENGTH = -100;
export const TO_CLIENT_SLOT = -104;
export const QUEUE_NUMBER = -108;
export const NOW = -112;
export const QUEUE = -120;
export const TO_SERVER = -128;
export const TO_SERVER_NOTES = -136;
export const TO_CLIENT = -144;
export const TO_CLIENT_NOTES = -152;
export const OPENING = -192;
export const CLIENT_WAY = -212;

export const word = (index: number): number => index * Int32Array.BYTES_PER_ELEMENT;
