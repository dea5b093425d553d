/** What a file of rules asks for, found out on a virtual server of its own that sees no packets. */
import type { ServiceEntry, Timeouts } from '../control/api.js';
import { VirtualServer } from '../virtual-server/virtual-server.js';
import { runRules } from './rules-file.js';

export interface Wanted {
  services: ServiceEntry[];
  /** What `--set` says, 0 for what is to be kept; null where the file doesn't speak of timeouts. */
  timeouts: Timeouts | null;
}

/** As many services and servers as a director has room for, and no connections. */
class Draft extends VirtualServer {
  wantedTimeouts: Timeouts | null = null;

  constructor() {
    super({ hashKey: [0, 0], clock: () => 0, capacity: { connections: 1 } });
  }

  override async setTimeouts(timeouts: Timeouts): Promise<void> {
    const before = this.wantedTimeouts ?? { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 };
    this.wantedTimeouts = {
      tcpSeconds: timeouts.tcpSeconds || before.tcpSeconds,
      tcpFinSeconds: timeouts.tcpFinSeconds || before.tcpFinSeconds,
      udpSeconds: timeouts.udpSeconds || before.udpSeconds,
    };
  }
}

/** Rejects with RulesError: `file` is what its messages call the rules. */
export async function wantedBy(file: string, text: string): Promise<Wanted> {
  const draft = new Draft();
  await runRules(file, text, draft);
  return { services: await draft.services(), timeouts: draft.wantedTimeouts };
}
