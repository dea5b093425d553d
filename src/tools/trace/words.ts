/** The filter of `uvs trace` as words: `client=10.1.0.2 vip=:80 state=SYN_RECV drop`. */
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import { DROP_NAMES, type DropName } from '../../../dataplane/drops.js';
import { ipv4FromText } from '../../control/ipv4.js';
import {
  TRACE_ALTERNATIVES_MAX,
  TRACE_DECISIONS,
  type EndpointPattern,
  type TraceDecision,
  type TraceFilter,
} from '../../control/trace.js';
import { UsageError } from '../command.js';

const ENDPOINT = /^(?:(\d+(?:\.\d+){3})(?:\/(\d{1,2}))?)?(?::(\d{1,5}))?$/;
const PORT_MAX = 65_535;
const ADDRESS_BITS = 32;

/** Counted where no packet is at hand, or can't be told from others. */
const WITHOUT_PACKETS: readonly DropName[] = ['reassembly_failed', 'send_failed'];
const REASONS = DROP_NAMES.filter((name) => name !== 'none' && !WITHOUT_PACKETS.includes(name));

type Readers = Record<string, (filter: TraceFilter, values: string[], word: string) => void>;

const READERS: Readers = {
  client: (filter, values) => filter.clients.push(...values.map((text) => endpoint(text))),
  vip: (filter, values) => filter.virtuals.push(...values.map((text) => endpoint(text))),
  server: (filter, values) => filter.servers.push(...values.map((text) => endpoint(text))),
  state: (filter, values) => filter.states.push(...values.map(stateName)),
  drop: (filter, values) => filter.reasons.push(...values.map(reasonName)),
  decision: (filter, values) => filter.decisions.push(...values.map(decisionName)),
};

/** Throws UsageError that says which word is wrong and what it could be. */
export function readFilter(words: readonly string[]): TraceFilter {
  const filter: TraceFilter = {
    clients: [],
    virtuals: [],
    servers: [],
    states: [],
    reasons: [],
    decisions: [],
  };
  const seen = new Set<string>();
  for (const word of words) {
    const [, key, text] = /^([a-z]+)(?:=(.*))?$/.exec(word) ?? [];
    if (key === undefined || !Object.hasOwn(READERS, key)) throw unknownWord(word);
    if (seen.has(key)) throw new UsageError(`${key}= is there twice; alternatives: ${key}=A,B`);
    seen.add(key);
    if (text === undefined && key === 'drop') {
      filter.reasons.push(...REASONS);
      continue;
    }
    const values = (text ?? '').split(',');
    if (values.includes('')) throw new UsageError(`'${word}': ${key}= what?`);
    if (values.length > TRACE_ALTERNATIVES_MAX) {
      throw new UsageError(`${key}=: at most ${TRACE_ALTERNATIVES_MAX} alternatives`);
    }
    READERS[key](filter, values, word);
  }
  return filter;
}

function unknownWord(word: string): UsageError {
  return new UsageError(
    `'${word}' is no filter; there are client=, vip=, server=, state=, drop, drop= and decision=`,
  );
}

function endpoint(text: string): EndpointPattern {
  const match = ENDPOINT.exec(text);
  const [, address = '0.0.0.0', bits = match?.[1] === undefined ? '0' : '32', port = '0'] =
    match ?? [];
  const isSound =
    match !== null &&
    ipv4FromText(address) !== undefined &&
    Number(bits) <= ADDRESS_BITS &&
    Number(port) <= PORT_MAX;
  if (isSound) return { address, prefixLength: Number(bits), port: Number(port) };
  throw new UsageError(
    `'${text}' must be an IPv4 address such as 10.1.0.2, 10.1.0.0/24, 10.1.0.2:80, or a port such as :80`,
  );
}

function stateName(text: string): string {
  return oneOf(STATE_NAMES, text.toUpperCase(), 'TCP states are');
}

function decisionName(text: string): TraceDecision {
  return oneOf(TRACE_DECISIONS, text, 'decisions are');
}

function reasonName(text: string): string {
  if ((WITHOUT_PACKETS as readonly string[]).includes(text)) {
    throw new UsageError(`${text} is counted without a packet to show; uvs status has its number`);
  }
  return oneOf(REASONS, text, 'packets are dropped for');
}

function oneOf<T extends string>(names: readonly T[], text: string, what: string): T {
  const name = names.find((candidate) => candidate === text);
  if (name !== undefined) return name;
  throw new UsageError(`there is no '${text}'; ${what} ${names.join(', ')}`);
}
