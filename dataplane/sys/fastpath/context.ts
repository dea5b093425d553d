/** What a program of ours uses of the kernel: fields of struct __sk_buff, helpers, constants (linux/bpf.h). */
export const SKB_LENGTH = 0;
export const SKB_PACKET_TYPE = 4;
export const SKB_VLAN_PRESENT = 20;
export const SKB_GSO_SIZE = 176;

export const HELPER_MAP_LOOKUP = 1;
export const HELPER_KTIME_GET_NS = 5;
export const HELPER_STORE_BYTES = 9;
export const HELPER_L4_CHECKSUM_REPLACE = 11;
export const HELPER_REDIRECT = 23;
export const HELPER_LOAD_BYTES = 26;

/** Of HELPER_L4_CHECKSUM_REPLACE: the words are part of the pseudo-header; low bits are their size. */
export const CHECKSUM_PSEUDO_HEADER = 0x10;
/** The packet goes on as if there had been no program. */
export const TC_ACT_UNSPEC = -1;
