/** The connection that a packet belongs to, before the engine has seen it and after. */
import * as rec from '../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../dataplane/conn/states.js';
import { CONNECTIONS, TOTAL_BLOCK } from '../../dataplane/service/statistics.js';
import type { State } from '../../dataplane/state.js';
import { PROTOCOL_TCP } from '../../dataplane/wire/ipv4.js';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { ipv4ToText } from '../control/ipv4.js';
import type { TracedConnection } from '../control/trace.js';
import { endsOf, UNKNOWN_PORT, type Ends } from './ends.js';
import type { PacketView } from './packet-view.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** Of a connection that isn't there. */
export const NO_STATE = -1;

interface ConnectionEnds {
  client: number;
  clientPort: number;
  virtual: number;
  virtualPort: number;
  server: number;
  serverPort: number;
}

export class PacketConnection {
  ends: Ends | null = null;
  /** TCP states, NO_STATE where there is no connection. */
  stateBefore = NO_STATE;
  stateAfter = NO_STATE;
  /** The connection was made for this packet. */
  isNew = false;
  private before = 0;
  private after = 0;
  private countBefore = 0;
  private madeBefore = 0;

  constructor(private readonly state: State) {}

  /** Looks before the engine does. @returns true where there is a connection for the packet */
  begin(view: PacketView): boolean {
    return this.beginBetween(endsOf(view, this.state));
  }

  /** The same for ends that are known. */
  beginBetween(ends: Ends | null): boolean {
    this.ends = ends;
    this.before = this.after = this.find();
    this.stateBefore = this.stateAfter = this.stateOf(this.before);
    this.isNew = false;
    this.countBefore = this.state.connections.count;
    this.madeBefore = this.made;
    return this.before !== 0;
  }

  /** Looks again when the engine has decided. */
  end(): void {
    this.after = this.find();
    this.stateAfter = this.stateOf(this.after);
    this.isNew = this.after !== 0 && this.made !== this.madeBefore;
  }

  /** The record of the packet's connection, 0 for none; of one that is gone the words still stand. */
  get connection(): number {
    return this.after === 0 ? this.before : this.after;
  }

  /** Addresses and ports of the connection, from its record; null for none. */
  get connectionEnds(): ConnectionEnds | null {
    const { connection, words } = this;
    if (connection === 0) return null;
    const base = connection * WORDS;
    const ports = words[base + rec.W_PORTS];
    return {
      client: words[base + rec.W_CLIENT],
      clientPort: ports >>> 16,
      virtual: words[base + rec.W_VIRTUAL],
      virtualPort: ports & 0xffff,
      server: words[base + rec.W_DESTINATION],
      serverPort: words[base + rec.W_META] >>> 16,
    };
  }

  /** What the engine did to the connection; null where the packet belongs to none. */
  story(): TracedConnection | null {
    const { connectionEnds: ends, connection, isNew, state } = this;
    if (ends === null) return null;
    const service = this.serviceOf(connection);
    return {
      client: endpointText(ends.client, ends.clientPort),
      virtual: endpointText(ends.virtual, ends.virtualPort),
      server: endpointText(ends.server, ends.serverPort),
      service: service === 0 ? 'deleted service' : serviceName(state, service),
      chosenBy: isNew ? this.chooser(connection) : null,
      before: isNew ? null : stateName(this.stateBefore),
      after: stateName(this.stateAfter),
    };
  }

  private find(): number {
    if (this.ends === null) return 0;
    const { isVirtual, client, clientPort, other, otherPort } = this.ends;
    if (clientPort === UNKNOWN_PORT) return 0;
    const { connections } = this.state;
    return isVirtual
      ? connections.findInbound(PROTOCOL_TCP, client, clientPort, other, otherPort)
      : connections.findOutbound(PROTOCOL_TCP, client, clientPort, other, otherPort);
  }

  private stateOf(connection: number): number {
    return connection === 0 ? NO_STATE : this.words[connection * WORDS + rec.W_META] & 0xff;
  }

  /** A persistent connection whose template wasn't made with it follows that. */
  private chooser(connection: number): string {
    const template = this.words[connection * WORDS + rec.W_CONTROLLER];
    // One whose port is used again made room for it.
    const others = this.state.connections.count - this.countBefore - (this.before === 0 ? 1 : 0);
    if (template !== 0 && others <= 0) return 'template';
    const id = this.state.services.schedulerId(this.serviceOf(connection));
    return id === 0 ? 'none' : SCHEDULERS[id - 1].name;
  }

  private serviceOf(connection: number): number {
    const base = connection * WORDS;
    const virtualPort = this.words[base + rec.W_PORTS] & 0xffff;
    return this.state.services.lookup(PROTOCOL_TCP, this.words[base + rec.W_VIRTUAL], virtualPort);
  }

  /** Connections that were ever made. */
  private get made(): number {
    return this.state.statistics.live(TOTAL_BLOCK, CONNECTIONS);
  }

  private get words(): Int32Array {
    return this.state.connections.words;
  }
}

export function endpointText(address: number, port: number): string {
  return `${ipv4ToText(address)}:${port}`;
}

export function serviceName({ services }: State, service: number): string {
  return endpointText(services.address(service), services.port(service));
}

function stateName(state: number): string | null {
  return state === NO_STATE ? null : STATE_NAMES[state];
}
