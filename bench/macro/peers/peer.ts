/** What can stand between client and servers. */
import type { Host } from '../../../lab/host.js';

/** A director in action. */
export interface RunningPeer {
  /** Its processes; none where the kernel alone does the work. */
  readonly pids: readonly number[];
}

export interface Peer {
  /** "haproxy" */
  readonly id: string;
  /** "HAProxy" */
  readonly title: string;
  /** Packets are passed on as they are, or connections are ended and their bytes passed on. */
  readonly kind: 'packets' | 'proxy';
  /** False where the client talks to a server directly. */
  readonly balances: boolean;
  /** Part of --quick. */
  readonly quick: boolean;
  /** Measured only where it was asked for by name. */
  readonly onlyNamed?: true;
  /** Commands it needs besides those of every measurement. */
  readonly commands: readonly string[];
  /** Its settings in a few words, for the results. */
  readonly settings: string;
  /** Why it can't be measured on this machine, and what helps; null where it can. Without it, it always can. */
  missing?(): string | null;
  /** "2.6.12" */
  version(): string;
  /** Has it serve SERVICES on the VIP. Resolves once it does. */
  start(director: Host): Promise<RunningPeer>;
}
