/**
 * What director and worker say to each other over the worker's IPC channel. The director asks, the worker does;
 * what it has done stands in the tables, which the director reads by itself.
 */
import type { KnownPort } from '../../dataplane/sys/host.js';
import type { Capacity } from '../../dataplane/state.js';
import type { Counters, Errno } from '../control/api.js';
import type { MethodName, Params } from '../control/schemas.js';
import type { TraceReport, TraceRequest } from '../control/trace.js';
import type { Damage } from '../virtual-server/virtual-server.js';
import type { Endpoints, Side } from '../virtual-server/endpoints.js';

/** How frames are received and sent. */
export const DRIVERS = ['ring', 'pcap'] as const;
export type DriverName = (typeof DRIVERS)[number];

export interface WorkerOptions {
  /** The directory of the tables. */
  tables: string;
  capacity: Capacity;
  driver: DriverName;
  /**
   * Interfaces by port number. With the ring driver each port's sockets follow one another from descriptor
   * FIRST_SOCKET on.
   */
  ports: readonly KnownPort[];
  /** No interface was named: those that come later are to be used as well, after an upgrade. */
  expectsAll: boolean;
  /** The table of flows and that of their reports follow the last port's sockets: the kernel forwards connections by itself. */
  hasFastPath: boolean;
  /** Tables that an earlier worker ended of. */
  aside: 'nothing' | 'connections' | 'all';
}

/** After standard input, output and error. */
export const IPC_CHANNEL = 3;
/** The socket to hand frames back with. */
export const HAND_BACK_SOCKET = 4;
/** The first of the ports' sockets. */
export const FIRST_SOCKET = 5;
/** Three receive rings, one to send. */
export const SOCKETS_PER_PORT = 4;

/** What the tables don't answer. */
export interface Questions {
  isLocal: { params: { address: number }; answer: boolean };
  counters: { params: Record<string, never>; answer: Counters };
  /** Traces have numbers that the director chooses; each is used once. */
  beginTrace: { params: { trace: number; request: TraceRequest }; answer: void };
  /** ESRCH where it has ended by itself. */
  fetchTrace: { params: { trace: number }; answer: TraceReport };
  endTrace: { params: { trace: number }; answer: void };
}

export type Question = keyof Questions;

export type ToWorker =
  /** Opens the tables, the host's network and the driver. */
  | { type: 'open'; options: WorkerOptions }
  /** Packets flow from now on. */
  | { type: 'run' }
  /** Command `command` is a method of Control that changes something. */
  | { type: 'change'; id: number; command: number; method: MethodName; params: Params<MethodName> }
  | { type: 'question'; id: number; question: Question; params: unknown }
  /** Stop the packets and end. */
  | { type: 'end' };

export interface OpenReport {
  /** Services and connections of an earlier worker were found. */
  areTakenOver: boolean;
  connections: number;
  /** What was kept aside or is otherwise worth knowing. */
  notes: string[];
  damaged: Damage;
  rebuildMs: number;
}

export type FromWorker =
  /** All code is there; `version` is the package's, which may have been exchanged meanwhile. */
  | { type: 'loaded'; version: string }
  | { type: 'opened'; report: OpenReport }
  | { type: 'running' }
  | { type: 'alive' }
  | { type: 'done'; id: number; answer?: unknown }
  | { type: 'refused'; id: number; errno: Errno; message: string }
  /** All that is to be hidden from the kernel. */
  | { type: 'endpoints'; all: Endpoints }
  /** What is to be hidden from now on, or no longer. */
  | {
      type: 'endpoint';
      changes: { side: Side; address: number; port: number; isWanted: boolean }[];
    }
  /** Interfaces have changed: name and index by port. */
  | { type: 'ports'; ports: KnownPort[] }
  | { type: 'host'; description: string }
  /** This host's addresses have changed. */
  | { type: 'addresses' }
  /** Nothing works any more; the worker ends. */
  | { type: 'failed'; message: string; stack: string };
