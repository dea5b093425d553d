/** A lab of one client, one server and a director's host without a director, for tests of single parts. */
import type { Host } from '../../../lab/host.js';
import { Lab } from '../../../lab/lab.js';
import { natPlan } from '../../../lab/plan.js';
import { requireRoot } from './setting.js';

export interface SmallLab {
  lab: Lab;
  client: Host;
  director: Host;
  server: Host;
}

/** Builds it before the suite's tests and takes it down after them; skips them where this isn't root. */
export function useSmallLab(): SmallLab {
  const small = {} as SmallLab;
  before(function () {
    requireRoot(this);
    small.lab = Lab.up({ id: 'sys', numbered: true, plan: natPlan({ servers: 1 }) });
    small.client = small.lab.host('client');
    small.director = small.lab.host('director');
    small.server = small.lab.host('server1');
  });
  after(() => small.lab?.down());
  return small;
}

/** Commands of `ip`, run one after the other on a host. */
export async function ip(host: Host, ...commands: string[]): Promise<void> {
  for (const command of commands) await host.output('ip', command.split(' '));
}
