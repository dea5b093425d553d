/** Frames out of interfaces, and frames that come in and pass a filter: what questions are asked with. */
import { attachFilter } from '../../../../dataplane/driver/tpacket.js';
import {
  AD_PACKET_TYPE,
  assemble,
  ifEqual,
  keep,
  loadByte,
  type Instruction,
} from '../../../../dataplane/sys/bpf.js';
import { check } from '../../../../dataplane/sys/errors.js';
import { close, MSG_DONTWAIT, recvfrom, sendto } from '../../../../dataplane/sys/libc.js';
import {
  bindToInterface,
  openPacketSocket,
  openSendSocket,
} from '../../../../dataplane/sys/packet-socket.js';
import { waitReadable, type Readable } from '../../../../dataplane/sys/readable.js';

/** Before interception, which hides servers' answers from other sockets. */
const ETH_P_ALL = 3;
const PACKET_HOST = 0;
/** Of a frame without VLAN tag. */
export const ETHERTYPE_OFFSET = 12;
const VNET_HEADER_BYTES = 10;
const FRAME_BYTES_MAX = 65_536;
/** Frames looked at in one turn of the event loop. */
const FRAMES_MAX = 64;

/** Sends frames. It keeps a socket for each interface: closing one takes the kernel milliseconds. */
export class FrameSender {
  private readonly sockets = new Map<number, number>();

  /** `frame` begins with its Ethernet header. Throws SysError. */
  send(ifindex: number, frame: Uint8Array): void {
    const message = new Uint8Array(VNET_HEADER_BYTES + frame.length);
    message.set(frame, VNET_HEADER_BYTES);
    const result = sendto(this.socketFor(ifindex), message, message.length, MSG_DONTWAIT);
    check('sending a frame', result);
  }

  close(): void {
    for (const fd of this.sockets.values()) close(fd);
    this.sockets.clear();
  }

  private socketFor(ifindex: number): number {
    const known = this.sockets.get(ifindex);
    if (known !== undefined) return known;
    const fd = openSendSocket(ifindex);
    this.sockets.set(ifindex, fd);
    return fd;
  }
}

/** Receives frames that are addressed to this host, by whatever interface they come in. */
export class FrameWatch {
  private readonly fd: number;
  private readonly readable: Readable;
  private readonly buffer = new Uint8Array(VNET_HEADER_BYTES + FRAME_BYTES_MAX);

  /** Of frames that meet all conditions. Throws SysError. */
  constructor(
    conditions: readonly Condition[],
    private readonly onFrame: (frame: Uint8Array) => void,
  ) {
    this.fd = openPacketSocket();
    try {
      attachFilter(this.fd, programOf(conditions));
      bindToInterface(this.fd, 0, ETH_P_ALL);
      this.readable = waitReadable(this.fd, () => this.receive());
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  close(): void {
    this.readable.stop();
    close(this.fd);
  }

  private receive(): void {
    for (let i = 0; i < FRAMES_MAX; i++) {
      const length = recvfrom(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT);
      if (length < VNET_HEADER_BYTES) return;
      this.onFrame(this.buffer.slice(VNET_HEADER_BYTES, length));
    }
  }
}

/** What is loaded by the last of the instructions must have this value. */
export interface Condition {
  load: readonly Instruction[];
  value: number;
}

function programOf(conditions: readonly Condition[]): Uint8Array {
  const all = [{ load: [loadByte(AD_PACKET_TYPE)], value: PACKET_HOST }, ...conditions];
  const items = all.flatMap(({ load, value }) => [...load, ifEqual(value, 1, 0), keep(0)]);
  return assemble([...items, keep(FRAME_BYTES_MAX)]);
}
