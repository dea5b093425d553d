/**
 * The director's kernel, for the packets that are its own: it refuses segments to the VIPs that no service has
 * taken, and plainly forwards what is for others.
 */
import { OFFLOAD_GSO_SHIFT } from '../dataplane/offload.js';
import { buildIcmpError, icmpErrorFrameBytes } from '../dataplane/nat/icmp-error.js';
import * as icmp from '../dataplane/wire/icmp.js';
import * as ipv4 from '../dataplane/wire/ipv4.js';
import { RST } from '../dataplane/wire/tcp.js';
import type { Network } from './network.js';
import { type Frame, resetFor, View } from './packet.js';
import { DIRECTOR, isDirectors, nextHop, portTowards } from './site.js';
import type { Witness } from './witness.js';
import type { World } from './world.js';

const HEADERS_BYTES = 40;
const IP = 14;

const view = new View();

export class Kernel {
  constructor(
    private readonly world: World,
    private readonly network: Network,
    private readonly witness: Witness,
  ) {}

  /** A frame that isn't hidden from it, or was handed back to it. */
  receive(frame: Frame): void {
    const { bytes, offload } = frame;
    view.read(bytes, 0, bytes.length);
    if (view.kind === 'other') return;
    if (isDirectors(view.destination)) {
      if (view.kind !== 'tcp' || !view.isIntact(bytes, offload)) return;
      if ((view.flags & RST) !== 0) return;
      this.witness.refused(view);
      this.world.tally.add('resets by the kernel');
      this.send(resetFor(view));
      return;
    }
    if (view.kind === 'tcp') this.forward(frame);
  }

  private forward(frame: Frame): void {
    const { bytes, offload } = frame;
    const port = portTowards(view.destination);
    if (port === -1 || ipv4.timeToLive(bytes, IP) <= 1) return;
    const piece = offload >>> OFFLOAD_GSO_SHIFT;
    const size = piece === 0 ? ipv4.totalLength(bytes, IP) : piece + HEADERS_BYTES;
    const { mtu } = this.network.lans[port];
    if (size > mtu) {
      this.refuseSize(frame, mtu);
      return;
    }
    ipv4.decrementTtl(bytes, IP);
    this.world.tally.add('frames forwarded by the kernel');
    this.send(frame);
  }

  private refuseSize({ bytes }: Frame, mtu: number): void {
    const error = new Uint8Array(icmpErrorFrameBytes(bytes, IP));
    const port = portTowards(ipv4.source(bytes, IP));
    if (port === -1) return;
    const own = DIRECTOR[port];
    const code = icmp.CODE_FRAGMENTATION_NEEDED;
    buildIcmpError(error, 0, bytes, IP, icmp.TYPE_UNREACHABLE, code, mtu, own, 1);
    this.world.tally.add('packets the kernel found too big');
    this.send({ bytes: error, offload: 0, port, corrupted: false });
  }

  private send(frame: Frame): void {
    const target = ipv4.destination(frame.bytes, IP);
    const port = portTowards(target);
    if (port === -1) return;
    const hop = nextHop(target);
    const mac = this.network.lans[port].known.get(hop);
    if (mac === undefined) {
      // The kernel's own queue for unresolved neighbours: its packet is sent again by whoever misses it.
      this.network.resolve(port, hop);
      return;
    }
    frame.bytes.set(mac, 0);
    this.network.fromDirector(port, frame);
  }
}
