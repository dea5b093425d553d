/**
 * A session of libpcap on one interface, and the packet socket behind it. The package has no call for three things
 * that the socket itself can do at any time: another filter, a large send buffer, and giving way to another
 * socket. So the socket is looked for among the process' descriptors.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { check } from '../../sys/errors.js';
import {
  AF_PACKET,
  SOL_SOCKET,
  SO_DOMAIN,
  SO_SNDBUFFORCE,
  getsockopt,
  setsockoptInt,
} from '../../sys/libc.js';
import type { NativeSession, Pcap, PcapSession } from './addons.js';

/** The largest IPv4 packet, behind an Ethernet header with a VLAN tag. */
export const FRAME_BYTES_MAX = 18 + 65_535;
/** What the kernel keeps for us. Where frames may be super-segments each takes up the space of the largest one. */
const BUFFER_BYTES = 12 << 20;
const SEND_BUFFER_BYTES = 8 << 20;
const DESCRIPTORS = '/proc/self/fd';
const CAPTURED_LENGTH = 8;
/** Only until the filter of the endpoints is in place. */
const FIRST_FILTER = 'ip and inbound';

/** What a dispatch says when it has closed the session. */
const CLOSED = -2;
const ATTEMPTS_MAX = 8;

/** libuv keeps a pointer into each of them for ever, so none may be collected. */
const closedSessions: NativeSession[] = [];

export type OnFrame = (bytes: Buffer, length: number) => void;

export class CaptureSession {
  readonly fd: number;
  private readonly session: PcapSession;

  /** Captures at once; `onFrame` is called from the event loop, for all frames there are. Throws. */
  constructor(pcap: Pcap, interfaceName: string, onFrame: OnFrame) {
    const before = new Set(packetSockets());
    this.session = pcap.createSession(interfaceName, {
      filter: FIRST_FILTER,
      buffer_size: BUFFER_BYTES,
      snap_length: FRAME_BYTES_MAX,
      // Frames are to come at once.
      buffer_timeout: 0,
      promiscuous: false,
    });
    this.session.on('packet', ({ buf, header }) => {
      onFrame(buf, header.readUInt32LE(CAPTURED_LENGTH));
    });
    try {
      this.fd = newOne(before);
      const result = setsockoptInt(this.fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
      check('setsockopt SO_SNDBUFFORCE', result);
    } catch (error) {
      this.close();
      throw error;
    }
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

  close(): void {
    const { session } = this;
    const native = session.session;
    session.close();
    // Without a dispatch it would stay open until a frame comes; an error of the interface comes first.
    for (let i = 0; i < ATTEMPTS_MAX; i++) {
      if (native.dispatch(session.buf, session.header) === CLOSED) break;
    }
    // Whatever is still to be called back finds nothing to do.
    session.session = { close: () => {}, dispatch: () => 0 };
    session.buf = session.header;
    closedSessions.push(native);
  }
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
