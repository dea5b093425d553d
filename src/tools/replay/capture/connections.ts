/** The connection that a captured packet belongs to, before the engine has seen it and after. */
import * as rec from '../../../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../../../dataplane/conn/states.js';
import type { State } from '../../../../dataplane/state.js';
import { PROTOCOL_TCP } from '../../../../dataplane/wire/ipv4.js';
import { SCHEDULERS } from '../../../../scheduler/registry.js';
import { ipv4ToText } from '../../../control/ipv4.js';
import type { Frame } from './frame.js';
import type { ConnectionStory } from './outcome.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;

/** The packet's ends, read before the engine rewrites it. */
interface Ends {
  isToServer: boolean;
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
}

export class ConnectionWatch {
  private ends: Ends | null = null;
  private before = 0;
  private stateBefore: string | null = null;
  private countBefore = 0;

  constructor(private readonly state: State) {}

  /** Looks before the engine does. @returns true where there is a connection for the packet */
  begin(frame: Frame): boolean {
    this.ends = frame.segment === 0 || frame.isFragment ? null : this.endsOf(frame);
    this.before = this.find();
    this.stateBefore = this.stateName(this.before);
    this.countBefore = this.state.connections.count;
    return this.before !== 0;
  }

  /** What the engine did to the connection; null where the packet belongs to none. */
  story(): ConnectionStory | null {
    const after = this.find();
    if (after === 0) {
      // Its words still stand: a record that was given back isn't wiped.
      return this.before === 0 ? null : this.tell(this.before, this.stateBefore, null, null);
    }
    const added = this.state.connections.count - this.countBefore;
    if (after === this.before || added <= 0) {
      return this.tell(after, this.stateBefore, this.stateName(after), null);
    }
    return this.tell(after, null, this.stateName(after), this.chooser(after, added > 1));
  }

  private endsOf(frame: Frame): Ends {
    const { source, sourcePort, destination, destinationPort } = frame;
    const isToServer = this.state.routes.isLocal(destination);
    return { isToServer, source, sourcePort, destination, destinationPort };
  }

  private find(): number {
    if (this.ends === null) return 0;
    const { isToServer, source, sourcePort, destination, destinationPort } = this.ends;
    const { connections } = this.state;
    return isToServer
      ? connections.findInbound(PROTOCOL_TCP, source, sourcePort, destination, destinationPort)
      : connections.findOutbound(PROTOCOL_TCP, destination, destinationPort, source, sourcePort);
  }

  private stateName(connection: number): string | null {
    if (connection === 0) return null;
    return STATE_NAMES[this.words[connection * WORDS + rec.W_META] & 0xff];
  }

  private tell(
    connection: number,
    before: string | null,
    after: string | null,
    chosenBy: string | null,
  ): ConnectionStory {
    const base = connection * WORDS;
    const server = ipv4ToText(this.words[base + rec.W_DESTINATION]);
    const service = this.serviceOf(connection);
    return {
      service: service === 0 ? 'deleted service' : serviceName(this.state, service),
      server: `${server}:${this.words[base + rec.W_META] >>> 16}`,
      chosenBy,
      before,
      after,
    };
  }

  /** A persistent connection whose template wasn't made with it follows that. */
  private chooser(connection: number, hasNewTemplate: boolean): string {
    const template = this.words[connection * WORDS + rec.W_CONTROLLER];
    if (template !== 0 && !hasNewTemplate) return 'template';
    const id = this.state.services.schedulerId(this.serviceOf(connection));
    return id === 0 ? 'none' : SCHEDULERS[id - 1].name;
  }

  private serviceOf(connection: number): number {
    const base = connection * WORDS;
    const virtualPort = this.words[base + rec.W_PORTS] & 0xffff;
    return this.state.services.lookup(PROTOCOL_TCP, this.words[base + rec.W_VIRTUAL], virtualPort);
  }

  private get words(): Int32Array {
    return this.state.connections.words;
  }
}

export function serviceName({ services }: State, service: number): string {
  return `${ipv4ToText(services.address(service))}:${services.port(service)}`;
}
