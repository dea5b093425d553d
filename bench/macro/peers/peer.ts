/** What can stand between client and servers. */
import type { Host } from '../../../lab/host.js';

/** A director in action. */
export interface RunningPeer {
  /** Its processes; none where the kernel alone does the work. */
  readonly pids: readonly number[];
  /** What goes on beside its measurements, and not beside the other peers'. */
  readonly beside?: Beside;
}

export interface Beside {
  begin(): Promise<void>;
  /** Resolves to what came of it, numbers that can be added up; they are kept with what was measured. */
  end(): Promise<Readonly<Record<string, number>>>;
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
  /** The peer whose requests/s half load is half of; without it, its own. */
  readonly loadLike?: string;
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
