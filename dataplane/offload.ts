/**
 * What of a frame's checksums and segmentation is left to a network card, as one word:
 *   bit 0        the TCP checksum is partial: the pseudo-header's sum only, not inverted (virtio-net NEEDS_CSUM)
 *   bits 16..31  segment size of a TCP super-segment (virtio-net gso_size), 0 for an ordinary frame
 */
export const OFFLOAD_PARTIAL_CHECKSUM = 1;
export const OFFLOAD_GSO_SHIFT = 16;
