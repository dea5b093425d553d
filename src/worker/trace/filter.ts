/** A trace's filter, compiled: what can be told before the engine decides, and the rest after it. */
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import { DROP_NAMES } from '../../../dataplane/drops.js';
import { ControlError } from '../../control/api.js';
import { ipv4FromText } from '../../control/ipv4.js';
import type { EndpointPattern, TraceDecision, TraceFilter } from '../../control/trace.js';
import type { PacketConnection } from '../../decisions/packet-connection.js';

interface Pattern {
  network: number;
  mask: number;
  /** 0 for any. */
  port: number;
}

const ADDRESS_BITS = 32;

export class PacketFilter {
  private readonly clients: readonly Pattern[];
  private readonly virtuals: readonly Pattern[];
  private readonly servers: readonly Pattern[];
  private readonly namesEnds: boolean;
  private readonly states: ReadonlySet<number>;
  private readonly reasons: ReadonlySet<string>;
  private readonly decisions: ReadonlySet<TraceDecision>;

  /** Throws ControlError EINVAL where it names what isn't there. */
  constructor({ clients, virtuals, servers, states, reasons, decisions }: TraceFilter) {
    this.clients = clients.map(patternOf);
    this.virtuals = virtuals.map(patternOf);
    this.servers = servers.map(patternOf);
    this.namesEnds = clients.length + virtuals.length + servers.length > 0;
    this.states = new Set(states.map(stateNumber));
    this.reasons = new Set(reasons.map(checkedReason));
    this.decisions = new Set(decisions);
  }

  /** False for a packet that isn't wanted whatever will be decided about it. */
  mayMatch(watch: PacketConnection): boolean {
    const { ends } = watch;
    if (!this.namesEnds) return true;
    if (ends === null || !isAmong(this.clients, ends.client, ends.clientPort)) return false;
    return ends.isVirtual
      ? isAmong(this.virtuals, ends.other, ends.otherPort)
      : isAmong(this.servers, ends.other, ends.otherPort);
  }

  /** True for a packet that is wanted, now that it is decided about. `mayMatch` was true. */
  matches(watch: PacketConnection, decision: TraceDecision, reason: string | null): boolean {
    return (
      (this.decisions.size === 0 || this.decisions.has(decision)) &&
      (this.reasons.size === 0 || (reason !== null && this.reasons.has(reason))) &&
      (this.states.size === 0 ||
        this.states.has(watch.stateBefore) ||
        this.states.has(watch.stateAfter)) &&
      (!this.namesEnds || this.matchesOtherEnd(watch))
    );
  }

  /** The end that isn't in the packet: the connection knows it. */
  private matchesOtherEnd({ ends, connectionEnds }: PacketConnection): boolean {
    const patterns = ends?.isVirtual === true ? this.servers : this.virtuals;
    if (patterns.length === 0) return true;
    if (connectionEnds === null) return false;
    const { virtual, virtualPort, server, serverPort } = connectionEnds;
    return ends?.isVirtual === true
      ? isAmong(patterns, server, serverPort)
      : isAmong(patterns, virtual, virtualPort);
  }
}

/** Where nothing is wanted in particular everything is. */
function isAmong(patterns: readonly Pattern[], address: number, port: number): boolean {
  return (
    patterns.length === 0 ||
    patterns.some(
      (pattern) =>
        (address & pattern.mask) === pattern.network &&
        (pattern.port === 0 || pattern.port === port),
    )
  );
}

function patternOf({ address, prefixLength, port }: EndpointPattern): Pattern {
  const mask = prefixLength === 0 ? 0 : -1 << (ADDRESS_BITS - prefixLength);
  return { network: (ipv4FromText(address) ?? 0) & mask, mask, port };
}

function stateNumber(name: string): number {
  const state = (STATE_NAMES as readonly string[]).indexOf(name);
  if (state < 0) throw new ControlError('EINVAL', `there is no TCP state '${name}'`);
  return state;
}

function checkedReason(name: string): string {
  if ((DROP_NAMES as readonly string[]).includes(name)) return name;
  throw new ControlError('EINVAL', `packets are not dropped for '${name}'`);
}
