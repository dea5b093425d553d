/**
 * The portable driver: captures through npm's pcap, and sends frames through the same sessions (pcap_inject).
 *
 *     libpcap -> a copy in `memory` -> engine rewrites in place -> whole, or cut into segments -> pcap_inject
 *
 * libpcap doesn't say what of a frame is left to a network card, and passes no such wishes on: see offloads.ts,
 * sender.ts and segment-sizes.ts. It hands over frames for as long as there are any: they are moved while that goes
 * on, a burst at a time, and after a while the event loop gets its turn (capture.ts).
 */
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../../offload.js';
import { ipv4FrameHeaderBytes } from '../../wire/ethernet.js';
import * as ipv4 from '../../wire/ipv4.js';
import * as tcp from '../../wire/tcp.js';
import { assemble, keep } from '../../sys/bpf.js';
import type { Burst } from '../driver.js';
import type { PacedDriver } from '../pacer.js';
import type { GiveToKernel } from '../ring.js';
import { noStats, type PortStats } from '../stats.js';
import { VNET_HEADER_BYTES, writeVnetHeader } from '../vnet-header.js';
import { loadPcap, type Pcap } from './addons.js';
import { Capture } from './capture.js';
import { FrameStore } from './frame-store.js';
import { recognizeOffload, wholeTcpPacket } from './offloads.js';
import { Outlet } from './outlet.js';
import { type MtuTo, Sender } from './sender.js';
import type { Interface } from './session.js';
import { SegmentSizes } from './segment-sizes.js';

const NOTHING = assemble([keep(0)]);
const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const GSO_SHIFT = OFFLOAD_GSO_SHIFT;
/** So many frames, or bytes, are worth a burst while more are coming. */
const BURST_FRAMES = 32;
const BURST_BYTES = 256 << 10;
/** After so long a time of frames without a pause the event loop has its turn. */
const TURN_MS = 20;

export interface PcapDriverOptions {
  handBack?: GiveToKernel;
  /** MTU of the network that a port is in. */
  mtuOf: (port: number) => number;
  mtuTo: MtuTo;
}

interface PcapPort {
  readonly capture: Capture;
  readonly outlet: Outlet;
}

export class PcapDriver implements PacedDriver {
  readonly name = 'pcap';
  readonly memory: Uint8Array;

  private readonly pcap: Pcap;
  private readonly store = new FrameStore();
  private readonly sizes = new SegmentSizes();
  private readonly sender: Sender;
  private readonly ports: (PcapPort | null)[] = [];
  /** By port number; outlives a port that is closed and opened again. */
  private readonly counters: PortStats[] = [];
  private filter = NOTHING;
  private onReadable: (() => void) | null = null;
  /** Frames are being handed over, since then. */
  private isArriving = false;
  private arrivingSince = 0;

  /** Throws where npm's pcap is missing. */
  constructor(private readonly options: PcapDriverOptions) {
    this.pcap = loadPcap();
    this.memory = this.store.memory;
    this.sender = new Sender(this.memory, this.store.outgoing, this.sizes, options.mtuTo);
  }

  /** Begins to receive from and send to an interface, which must be up, as port `port`. Throws. */
  openPort(port: number, source: Interface): void {
    if (this.ports[port]) throw new Error(`port ${port} is open already`);
    const stats = (this.counters[port] ??= noStats());
    const capture = new Capture(this.pcap, source, (bytes, length) =>
      this.arrived(port, bytes, length),
    );
    capture.attachFilter(this.filter);
    this.ports[port] = { capture, outlet: new Outlet(capture, stats) };
  }

  /**
   * The port's interface is gone: nothing is sent there any more. Its memory is given back when the process ends, and
   * only a new process can open the port again.
   */
  abandonPort(port: number): void {
    const closing = this.ports[port];
    if (!closing) return;
    this.ports[port] = null;
    closing.outlet.dropAll();
    this.counters[port].ringDrops += closing.capture.drops();
  }

  /**
   * Has the kernel capture only those frames that a socket filter accepts. Applies to the open ports and to those
   * opened later. Throws SysError.
   * @param program classic BPF instructions, 8 bytes each (struct sock_filter); see dataplane/sys/filter.ts
   */
  attachFilter(program: Uint8Array): void {
    for (const port of this.ports) port?.capture.attachFilter(program);
    this.filter = program;
  }

  receive(burst: Burst): number {
    return this.store.take(burst);
  }

  send(burst: Burst, index: number, port: number): void {
    this.sendFrom(burst.offset[index], burst.length[index], burst.offload[index], port);
  }

  sendCopy(bytes: Uint8Array, offset: number, length: number, offload: number, port: number): void {
    const { memory, store } = this;
    for (let i = 0; i < length; i++) memory[store.scratch + i] = bytes[offset + i];
    this.sendFrom(store.scratch, length, offload, port);
  }

  handBack(burst: Burst, index: number): void {
    const { memory, options } = this;
    const offset = burst.offset[index];
    const length = burst.length[index];
    const port = burst.port[index];
    const offload = this.ownOffload(offset, length, burst.offload[index], port);
    writeVnetHeader(memory, offset - VNET_HEADER_BYTES, offset, offload);
    const stats = this.counters[port];
    if (options.handBack?.(memory, offset, length, offload, port)) stats.handedBackFrames += 1;
    else stats.sendErrors += 1;
  }

  flush(): void {
    for (let i = 0; i < this.ports.length; i++) this.ports[i]?.outlet.flush();
  }

  release(burst: Burst): void {
    burst.count = 0;
    this.store.release();
  }

  /** Frames are handed over from the event loop. */
  await(): boolean {
    return false;
  }

  waiting(): number {
    let frames = 0;
    for (let i = 0; i < this.ports.length; i++) frames += this.ports[i]?.outlet.length ?? 0;
    return frames;
  }

  /** Frames come from the sessions' own events: this says who is to be told of them. */
  watch(onReadable: () => void): void {
    this.onReadable = onReadable;
  }

  unwatch(): void {
    this.onReadable = null;
  }

  stats(port: number): PortStats {
    const counters = (this.counters[port] ??= noStats());
    const ringDrops = counters.ringDrops + (this.ports[port]?.capture.drops() ?? 0);
    return { ...counters, ringDrops };
  }

  /** What it has captured by then is lost. */
  close(): void {
    this.unwatch();
    for (let port = 0; port < this.ports.length; port++) this.abandonPort(port);
  }

  private arrived(port: number, bytes: Uint8Array, length: number): void {
    if (!this.isArriving) this.beginArrival();
    this.keep(port, bytes, length);
    const { store } = this;
    if (store.waiting < BURST_FRAMES && store.usedBytes < BURST_BYTES) return;
    this.onReadable?.();
    const now = performance.now();
    if (now - this.arrivingSince < TURN_MS) return;
    this.arrivingSince = now;
    this.ports[port]?.capture.takeTurns();
  }

  private beginArrival(): void {
    this.isArriving = true;
    this.arrivingSince = performance.now();
    process.nextTick(this.endArrival);
  }

  /** Runs as soon as libpcap has no more frames for the moment. */
  private readonly endArrival = (): void => {
    this.isArriving = false;
    if (this.store.waiting > 0) this.onReadable?.();
  };

  private keep(port: number, bytes: Uint8Array, length: number): void {
    const { memory, sizes, store } = this;
    const stats = this.counters[port];
    const at = store.add(bytes, length, port);
    if (at < 0) {
      stats.ringDrops += 1;
      return;
    }
    stats.receivedFrames += 1;
    const mtu = this.options.mtuOf(port);
    const ip = wholeTcpPacket(memory, at, length);
    if (ip < 0) {
      sizes.learnFromError(memory, at, length);
      return;
    }
    store.noteOffload(recognizeOffload(memory, ip, mtu));
    const segment = ip + ipv4.headerBytes(memory, ip);
    if ((tcp.flags(memory, segment) & tcp.SYN) !== 0) sizes.learnFromSyn(memory, ip, mtu);
  }

  private sendFrom(offset: number, length: number, offload: number, port: number): void {
    const out = this.ports[port];
    if (out) this.sender.send(offset, length, offload, port, out.outlet);
    else this.counters[port].sendErrors += 1;
  }

  /** An offload word that says how large segments may be, for a kernel that wants to know. */
  private ownOffload(offset: number, length: number, offload: number, port: number): number {
    if (offload >>> GSO_SHIFT === 0) return offload;
    const { memory } = this;
    const ip = offset + ipv4FrameHeaderBytes(memory, offset, length);
    const segment = ip + ipv4.headerBytes(memory, ip);
    const headerBytes = segment - ip + tcp.headerBytes(memory, segment);
    const segmentBytes = this.options.mtuOf(port) - headerBytes;
    const isLarger = ipv4.totalLength(memory, ip) - headerBytes > segmentBytes;
    return (offload & PARTIAL) | (isLarger ? segmentBytes << GSO_SHIFT : 0);
  }
}
