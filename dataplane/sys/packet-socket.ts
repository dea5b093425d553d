/**
 * AF_PACKET sockets: whole frames, Ethernet header first, each with a virtio-net header before it.
 * Source: linux/if_packet.h, packet(7).
 */
import { check } from './errors.js';
import {
  AF_PACKET,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
  SO_SNDBUFFORCE,
  bind,
  close,
  setsockoptInt,
  socket,
} from './libc.js';

export const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const SOCKADDR_LL_BYTES = 20;
/** Bytes of frames a send socket may have under way in the network stack. */
const SEND_BUFFER_BYTES = 8 << 20;

/** A socket that isn't bound to an interface yet, and neither sends nor receives. Throws SysError. */
export function openPacketSocket(): number {
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const fd = check('socket AF_PACKET', socket(AF_PACKET, type, 0));
  try {
    setPacketOption(fd, PACKET_VNET_HDR, 1);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** A socket that sends out of the interface (0: of none yet) and receives nothing. Throws SysError. */
export function openSendSocket(ifindex = 0): number {
  const fd = openPacketSocket();
  try {
    const result = setsockoptInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
    check('setsockopt SO_SNDBUFFORCE', result);
    if (ifindex !== 0) sendThrough(fd, ifindex);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

export function setPacketOption(fd: number, option: number, value: number): void {
  check(`setsockopt SOL_PACKET ${option}`, setsockoptInt(fd, SOL_PACKET, option, value));
}

/** Has the socket send out of the interface, and receive nothing. Throws SysError. */
export function sendThrough(fd: number, ifindex: number): void {
  bindToInterface(fd, ifindex, 0);
}

/** From now on the socket sends to the interface, and receives from it frames of that protocol; 0: none. */
export function bindToInterface(fd: number, ifindex: number, protocol: number): void {
  // struct sockaddr_ll: family 2, protocol 2 (big-endian), ifindex 4, then what only received frames have
  const address = new DataView(new ArrayBuffer(SOCKADDR_LL_BYTES));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, protocol);
  address.setInt32(4, ifindex, true);
  check('bind', bind(fd, new Uint8Array(address.buffer)));
}
