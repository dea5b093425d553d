/**
 * One TCP connection as nobody but a simulator knows it: what both ends mean to do, and everything that has
 * happened to it so far that may excuse a bad end.
 */
import { streamOf } from './pattern.js';
import type { Random } from './random.js';

export interface Exchange {
  requestBytes: number;
  responseBytes: number;
  /** How long the client thinks before this request. */
  pauseMs: number;
}

/** How a connection is to end once everything was exchanged, or before. */
export type Ending =
  | 'client closes'
  | 'server closes'
  | 'client closes early'
  | 'client resets'
  | 'server resets'
  | 'client vanishes'
  | 'client vanishes half-open';

const ENDINGS: readonly Ending[] = [
  'client closes',
  'client closes',
  'client closes',
  'server closes',
  'server closes',
  'client closes early',
  'client resets',
  'server resets',
  'client vanishes',
  'client vanishes half-open',
];
const EXCHANGES_MAX = 6;
/** Longest pause of an ordinary client, of a patient one, and of one that comes back much later. */
const PAUSES_MS = [400, 400, 400, 3000, 20_000, 200_000, 1_500_000];

export const CLIENT = 0;
export const SERVER = 1;
/** Which end of a connection. */
export type Side = typeof CLIENT | typeof SERVER;

export class Flow {
  readonly exchanges: Exchange[] = [];
  readonly ending: Ending;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** By the side that sends. */
  readonly streams: readonly [number, number];
  /** Segments have partial checksums and are large where that pays. */
  readonly usesOffload: boolean;

  /** The client has had the server's SYN+ACK: from now on the connection is to live. */
  isEstablished = false;
  /** An end has ended it with a reset, or gave up. */
  isReset = false;
  /** Why this connection may come to a bad end; the first reason there was. */
  excuse: string | null = null;
  /** The client's initial sequence number: a SYN with another one is an earlier connection's. */
  initial = 0;
  /** How many requests the client has made, or has made up its mind to. */
  asked = 0;
  /** A server has heard of it. */
  hasServerEnd = false;
  /** A FIN was sent by either end. */
  isClosing = false;
  /** What became of either end. */
  readonly fates: [Fate | null, Fate | null] = [null, null];

  /** The server the director sends it to, as address and port; 0 before it has. */
  server = 0;
  serverPort = 0;
  /** When the director's record expires, in its ticks. */
  deadline = 0;
  hasRecord = false;

  constructor(
    readonly number: number,
    readonly client: number,
    readonly clientPort: number,
    readonly virtual: number,
    readonly virtualPort: number,
    random: Random,
  ) {
    this.streams = [streamOf(number, 0), streamOf(number, 1)];
    this.ending = random.of(ENDINGS);
    this.usesOffload = random.chance(0.4);
    const count = random.between(1, EXCHANGES_MAX);
    const longest = random.of(PAUSES_MS);
    for (let i = 0; i < count; i++) {
      this.exchanges.push({
        requestBytes: Math.floor(random.logarithmic(1, 3000)),
        responseBytes: Math.floor(random.logarithmic(1, random.chance(0.1) ? 200_000 : 8000)),
        pauseMs: i === 0 ? 0 : random.below(longest),
      });
    }
    this.requestBytes = sum(this.exchanges.map((exchange) => exchange.requestBytes));
    this.responseBytes = sum(this.exchanges.map((exchange) => exchange.responseBytes));
  }

  /** From now on a bad end is nobody's fault. */
  forgive(reason: string): void {
    this.excuse ??= reason;
  }

  /** True while the director must carry it on. */
  get mustLive(): boolean {
    return this.isEstablished && !this.isReset && this.excuse === null && !this.isOver;
  }

  get isOver(): boolean {
    const [client, server] = this.fates;
    return client !== null && (server !== null || !this.hasServerEnd);
  }

  /** Bytes that one side is to send in all. */
  totalBytes(side: Side): number {
    return side === CLIENT ? this.requestBytes : this.responseBytes;
  }

  /** Bytes the server has to send before the client asks for exchange `index`. */
  answeredBefore(index: number): number {
    return sum(this.exchanges.slice(0, index).map((exchange) => exchange.responseBytes));
  }

  /** Bytes the client has sent once it has asked for `count` exchanges. */
  requestLimit(count: number): number {
    return sum(this.exchanges.slice(0, count).map((exchange) => exchange.requestBytes));
  }

  /** How far the server may send, having received so many bytes. */
  responseLimit(receivedBytes: number): number {
    let requested = 0;
    let limit = 0;
    for (const { requestBytes, responseBytes } of this.exchanges) {
      requested += requestBytes;
      if (receivedBytes < requested) break;
      limit += responseBytes;
    }
    return limit;
  }

  toString(): string {
    const text = `${ipText(this.client)}:${this.clientPort}`;
    return `#${this.number} ${text} to ${ipText(this.virtual)}:${this.virtualPort} (${this.ending})`;
  }
}

/** What becomes of an end. */
export type Fate = 'completed' | 'reset' | 'refused' | 'gave up' | 'vanished';

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function ipText(address: number): string {
  return [address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff].join(
    '.',
  );
}
