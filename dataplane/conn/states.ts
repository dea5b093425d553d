/**
 * ip_vs's TCP states, timeouts and transitions (net/netfilter/ipvs/ip_vs_proto_tcp.c), as tables.
 *
 * The states are the director's view: a FIN of the client makes CLOSE_WAIT, one of the server FIN_WAIT.
 * Row = event, column = present state, cell = next state.
 */
import { ACK, FIN, RST, SYN } from '../wire/tcp.js';
import { TICKS_PER_SECOND } from '../clock.js';

export const NONE = 0;
export const ESTABLISHED = 1;
export const SYN_SENT = 2;
export const SYN_RECV = 3;
export const FIN_WAIT = 4;
export const TIME_WAIT = 5;
export const CLOSE = 6;
export const CLOSE_WAIT = 7;
export const LAST_ACK = 8;
export const LISTEN = 9;
export const SYNACK = 10;
export const STATE_COUNT = 11;

export const STATE_NAMES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;

const TIMEOUT_SECONDS = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

/** Timeouts by state in ticks, ip_vs's defaults; a table of its own for each director (`--set` edits it). */
export function defaultTimeouts(): Int32Array {
  return Int32Array.from(TIMEOUT_SECONDS, (seconds) => seconds * TICKS_PER_SECOND);
}

/** 1 for states that count as an active connection of a server. */
export const IS_ACTIVE = Uint8Array.from([0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]);

/** 1 for states in which only one side has been heard. */
export const IS_HALF_OPEN = Uint8Array.from([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);

/** 1 for states in which a connection is over: another one may begin with the same ends (conn_reuse_mode). */
export const IS_OVER = Uint8Array.from([0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]);

/** Who sent the packet: the client; the server; the client of a connection whose replies bypass the director. */
export const INPUT = 0;
export const OUTPUT = 1;
export const INPUT_ONLY = 2;

const EVENT_SYN = 0;
const EVENT_FIN = 1;
const EVENT_ACK = 2;
const EVENT_RST = 3;
const EVENT_NONE = 4;
const EVENT_COUNT = 5;
const DIRECTION_STRIDE = EVENT_COUNT * STATE_COUNT;
const STRICT_STRIDE = 3 * DIRECTION_STRIDE;

/** Event of a segment by the low five bits of its flags: RST before SYN before FIN before ACK. */
const EVENT_OF_FLAGS = Uint8Array.from({ length: 32 }, (_, flags) => {
  if (flags & RST) return EVENT_RST;
  if (flags & SYN) return EVENT_SYN;
  if (flags & FIN) return EVENT_FIN;
  return flags & ACK ? EVENT_ACK : EVENT_NONE;
});

/** The order of columns is that of the state numbers. A segment without any of the four flags closes. */
const ROWS: Record<'normal' | 'strict', string[][]> = {
  normal: [
    [
      //     NO ES SS SR FW TW CL CW LA LI SA
      'syn SR ES ES SR SR SR SR SR SR SR SR',
      'fin CL CW SS TW TW TW CL CW LA LI TW',
      'ack ES ES SS ES FW TW CL CW CL LI ES',
      'rst CL CL CL SR CL CL CL CL LA LI SR',
    ],
    [
      'syn SS ES SS SR SS SS SS SS SS LI SR',
      'fin TW FW SS TW FW TW CL TW LA LI TW',
      'ack ES ES SS ES FW TW CL CW LA ES ES',
      'rst CL CL SS CL CL TW CL CL CL CL CL',
    ],
    [
      'syn SR ES ES SR SR SR SR SR SR SR SR',
      'fin CL FW SS TW FW TW CL CW LA LI TW',
      'ack ES ES SS ES FW TW CL CW CL LI ES',
      'rst CL CL CL SR CL CL CL CL LA LI CL',
    ],
  ],
  // secure_tcp: a client alone can't bring a connection to ESTABLISHED.
  strict: [
    [
      'syn SR ES ES SR SR SR SR SR SR SR SA',
      'fin CL CW SS TW TW TW CL CW LA LI SA',
      'ack ES ES SS SR FW TW CL CW CL LI SA',
      'rst CL CL CL SR CL CL CL CL LA LI CL',
    ],
    [
      'syn SS ES SS SA SS SS SS SS SS LI SA',
      'fin TW FW SS TW FW TW CL TW LA LI TW',
      'ack ES ES SS ES FW TW CL CW LA ES ES',
      'rst CL CL SS CL CL TW CL CL CL CL CL',
    ],
    [
      'syn SA ES ES SR SA SA SA SA SA SA SA',
      'fin CL FW SS TW FW TW CL CW LA LI TW',
      'ack ES ES SS ES FW TW CL CW CL LI ES',
      'rst CL CL CL SR CL CL CL CL LA LI CL',
    ],
  ],
};

const ABBREVIATIONS = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

function buildTransitions(): Uint8Array {
  const table = new Uint8Array(2 * STRICT_STRIDE).fill(CLOSE);
  for (const [strictness, directions] of [ROWS.normal, ROWS.strict].entries()) {
    for (const [direction, rows] of directions.entries()) {
      for (const [event, row] of rows.entries()) {
        const cells = row.split(' ').slice(1);
        const base = strictness * STRICT_STRIDE + direction * DIRECTION_STRIDE;
        for (const [state, cell] of cells.entries()) {
          table[base + event * STATE_COUNT + state] = ABBREVIATIONS.indexOf(cell);
        }
      }
    }
  }
  return table;
}

const TRANSITIONS = buildTransitions();

/** Next state after a segment with these TCP flags. `strict` is 1 while secure_tcp is in effect, else 0. */
export function nextState(
  state: number,
  direction: number,
  tcpFlags: number,
  strict: number,
): number {
  const event = EVENT_OF_FLAGS[tcpFlags & 0x1f];
  return TRANSITIONS[
    strict * STRICT_STRIDE + direction * DIRECTION_STRIDE + event * STATE_COUNT + state
  ];
}
