/** Servers: machines that accept connections on any port and answer each request with so many bytes. */
import { RST, SYN, ACK } from '../dataplane/wire/tcp.js';
import type { Flows } from './clients.js';
import { type Flow, SERVER } from './flow.js';
import { Machine } from './machine.js';
import type { Network } from './network.js';
import type { View } from './packet.js';
import { INNER } from './site.js';
import { TcpEnd } from './tcp.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

export class Server extends Machine {
  constructor(
    world: World,
    network: Network,
    address: number,
    private readonly flows: Flows,
  ) {
    super(world, network, address, INNER);
  }

  progressed(end: TcpEnd): void {
    const { flow } = end;
    const limit = flow.responseLimit(end.received);
    const hasAll = end.received >= flow.requestBytes;
    const isClosing = hasAll && (end.hasFin || flow.ending === 'server closes');
    if (limit > 0 || isClosing) end.write(limit, isClosing);
    if (hasAll && flow.ending === 'server resets') end.abort();
  }

  protected endOf(segment: View): TcpEnd | undefined {
    const end = this.ends.get(keyOf(segment));
    if (end === undefined || end.local.port !== segment.destinationPort) return undefined;
    const isNew = (segment.flags & (SYN | ACK | RST)) === SYN && !end.isOpenedBy(segment);
    // A connection that is over makes room for a new one.
    return isNew && end.state === 'over' ? undefined : end;
  }

  protected accept(segment: View): boolean {
    if ((segment.flags & (SYN | ACK | RST)) !== SYN) return false;
    const flow = this.flows.of(segment.source, segment.sourcePort);
    if (flow === undefined) return false;
    if (flow.initial !== segment.sequence) {
      this.world.tally.add('SYNs of earlier connections');
      return true;
    }
    flow.hasServerEnd = true;
    const local = { address: this.address, port: segment.destinationPort };
    const remote = { address: segment.source, port: segment.sourcePort };
    const end = new TcpEnd(this, flow, SERVER, local, remote);
    this.ends.set(keyOf(segment), end);
    end.accept(segment);
    return true;
  }

  protected flowOf(segment: View): Flow | undefined {
    return this.flows.of(segment.source, segment.sourcePort);
  }

  protected checkStranger(flow: Flow): void {
    if (flow.server !== this.address) {
      throw new Violation(
        'moved',
        `a packet of ${flow.toString()} came to a server that isn't its own`,
      );
    }
    if (flow.fates[SERVER] === null) {
      throw new Violation('reset', `the server of ${flow.toString()} has no end`);
    }
  }

  protected forget(end: TcpEnd): void {
    const key = keyOfRemote(end.remote.address, end.remote.port);
    if (this.ends.get(key) === end) this.ends.delete(key);
  }
}

function keyOf(segment: View): number {
  return keyOfRemote(segment.source, segment.sourcePort);
}

function keyOfRemote(address: number, port: number): number {
  return (address >>> 0) * 0x10000 + port;
}
