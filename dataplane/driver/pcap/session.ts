/**
 * A session of libpcap on one interface, and the packet socket behind it. The package has no call for three things
 * that the socket itself can do at any time: another filter, a large send buffer, and giving way to another
 * socket. So the socket is looked for among the process' descriptors.
 *
 * A session lasts as long as the process: the package closes one only when the next frame comes, and of an interface
 * that is gone none comes.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { check } from '../../sys/errors.js';
import {
  AF_PACKET,
  F_DUPFD_CLOEXEC,
  SOL_SOCKET,
  SO_DOMAIN,
  SO_SNDBUFFORCE,
  close,
  fcntl,
  getsockopt,
  pollErrors,
  setsockoptInt,
  type PollHandle,
} from '../../sys/libc.js';
import { waitReadable } from '../../sys/readable.js';
import type { Pcap, PcapSession } from './addons.js';

/** The largest IPv4 packet, behind an Ethernet header with a VLAN tag. */
export const FRAME_BYTES_MAX = 18 + 65_535;
/** What the kernel keeps for us. Where frames may be super-segments each takes up the space of the largest one. */
const BUFFER_BYTES = 12 << 20;
const SEND_BUFFER_BYTES = 8 << 20;
const DESCRIPTORS = '/proc/self/fd';
const CAPTURED_LENGTH = 8;

export type OnFrame = (bytes: Buffer, length: number) => void;

/** What to capture from. */
export interface Interface {
  name: string;
  /** Six bytes. */
  mac: Uint8Array;
}

export class CaptureSession {
  readonly fd: number;
  private readonly session: PcapSession;
  /** Held on to, or it would be collected. */
  private down: PollHandle | null = null;

  /** Captures at once; `onFrame` is called from the event loop, for all frames there are. Throws. */
  constructor(pcap: Pcap, { name, mac }: Interface, onFrame: OnFrame) {
    const before = new Set(packetSockets());
    this.session = pcap.createSession(name, {
      filter: firstFilter(mac),
      buffer_size: BUFFER_BYTES,
      snap_length: FRAME_BYTES_MAX,
      // Frames are to come at once.
      buffer_timeout: 0,
      promiscuous: false,
    });
    this.session.on('packet', ({ buf, header }) => {
      onFrame(buf, header.readUInt32LE(CAPTURED_LENGTH));
    });
    this.fd = newOne(before);
    const result = setsockoptInt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
    check('setsockopt SO_SNDBUFFORCE', result);
    this.watchOnceDown();
  }

  /** False where the network doesn't take the frame now. */
  inject(frame: Uint8Array): boolean {
    try {
      this.session.inject(frame);
      return true;
    } catch {
      return false;
    }
  }

  /** Frames that the kernel had no room for so far. */
  drops(): number {
    return this.session.stats().ps_drop;
  }

  /**
   * When the interface goes down libuv stops watching the socket, and the package never begins again. So it is watched
   * from here on: frames come once the interface is up again.
   */
  private watchOnceDown(): void {
    const duplicate = check('fcntl F_DUPFD_CLOEXEC', fcntl(this.fd, F_DUPFD_CLOEXEC, 0));
    this.down = pollErrors(duplicate, () => {
      this.down?.close();
      close(duplicate);
      // The package's own watching has ended by then.
      setImmediate(() => {
        waitReadable(this.fd, () => this.session.session.read_callback());
      });
    });
  }
}

/**
 * Only until the endpoints' filter is in place; but libpcap has the first frames pass this one as well, and can't tell
 * there which of them are our own but by their address.
 */
function firstFilter(mac: Uint8Array): string {
  const address = Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  return `ip and not ether src ${address}`;
}

function newOne(before: ReadonlySet<number>): number {
  const found = packetSockets().filter((fd) => !before.has(fd));
  if (found.length === 1) return found[0];
  throw new Error(`libpcap has opened ${found.length} packet sockets instead of one`);
}

/** This process' packet sockets. */
function packetSockets(): number[] {
  return readdirSync(DESCRIPTORS).map(Number).filter(isPacketSocket);
}

function isPacketSocket(fd: number): boolean {
  try {
    if (!readlinkSync(`${DESCRIPTORS}/${fd}`).startsWith('socket:')) return false;
  } catch {
    // The directory's own descriptor is closed again by now.
    return false;
  }
  const domain = new Int32Array(1);
  const result = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, new Uint8Array(domain.buffer));
  return result >= 0 && domain[0] === AF_PACKET;
}
