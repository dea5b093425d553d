/** What can have the connections. */
import type { Lab } from '../../../lab/lab.js';

/** Bytes that connections take, of whatever kinds of memory there are. */
export type MemoryUse = Readonly<Record<string, number>>;

export interface RunningPeer {
  /** Its processes now; none where the kernel alone does the work. */
  pids(): number[];
  /** Connections it knows. */
  connections(): Promise<number>;
  memory(): MemoryUse;
  /** A command of the director's host that lists all connections on standard output; null where there are none. */
  readonly list: readonly string[] | null;
  /** The process that moves packets, to be killed; null where there is none. */
  dataPlane(): number | null;
  /** Resolves when the next process that would move packets waits for its turn. */
  recover(): Promise<void>;
  /** Resolves once what was sent has been forwarded or dropped. */
  settle(): Promise<void>;
  /** Idle established connections last so long from their next packet on. */
  setTimeout(seconds: number): Promise<void>;
  /** Lets go of what isn't the lab's; before that is taken down. */
  end(): void;
}

export interface ScalePeer {
  /** "uvs-huge" */
  readonly id: string;
  readonly title: string;
  /** False where the clients talk to the server directly. */
  readonly balances: boolean;
  readonly quick: boolean;
  /** Peers of another group need the kernel in another state: groups are measured one after the other. */
  readonly group: number;
  readonly settings: string;
  /** Why it can't be measured here, and what helps; null where it can. */
  missing(): string | null;
  version(): string;
  /** Has it balance PACKETS. */
  start(lab: Lab, capacity: number): Promise<RunningPeer>;
}
