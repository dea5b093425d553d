/**
 * The npm package pcap: an add-on of Node.js that is compiled where it is installed, and optional. Only one thread of
 * a process can load it. It is loaded when it is needed, and described here rather than by its own types, so that uvs
 * can be built and checked without it.
 */
import { createRequire } from 'node:module';

export interface Packet {
  /** The session's buffer, the same for every packet: the frame is there during the event only. */
  buf: Buffer;
  /** Seconds 4, microseconds 4, captured length 4, length on the wire 4; little-endian. */
  header: Buffer;
}

export interface PcapSession {
  on(event: 'packet', listener: (packet: Packet) => void): void;
  stats(): { ps_recv: number; ps_drop: number };
  /** Throws, without saying why, where the network doesn't take the frame now. */
  inject(frame: Uint8Array): void;
  /** What the package calls when its socket is readable: hands over frames until there are none. */
  readonly session: { read_callback: () => void };
}

export interface Pcap {
  createSession(
    device: string,
    options: {
      filter: string;
      buffer_size: number;
      snap_length: number;
      buffer_timeout: number;
      promiscuous: boolean;
    },
  ): PcapSession;
  warningHandler: (text: string) => void;
}

const require = createRequire(import.meta.url);
const ADVICE =
  'it is built along with uvs where there are a C++ compiler, make, Python 3 and the headers of libpcap: ' +
  '`apt-get install g++ make python3 libpcap-dev`, then install uvs once more';

/** Throws an error that says how to get the package where it is missing. */
export function loadPcap(): Pcap {
  try {
    const pcap = require('pcap') as Pcap;
    // An interface without an address isn't worth a word.
    pcap.warningHandler = () => {};
    return pcap;
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new Error(
      `the driver pcap needs the npm package pcap, which can't be loaded (${reason}); ${ADVICE}`,
      { cause: error },
    );
  }
}
