/** What is done to a director while its clients go on: a list in random order, the same for the same seed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Director } from '../../lab/director.js';
import type { SeededRandom } from '../../dataplane/driver/random.js';
import type { Host } from '../../lab/host.js';
import { VIP } from '../../lab/plan.js';

export const KINDS = ['killWorker', 'killDirector', 'restart', 'upgrade', 'edit'] as const;
export type Kind = (typeof KINDS)[number];
export type Counts = Record<Kind, number>;

export const TITLES: Record<Kind, string> = {
  killWorker: 'kill -9 of the data plane',
  killDirector: 'kill -9 of uvsd, and a new start',
  restart: 'restart (SIGUSR2, and a new start)',
  upgrade: 'uvs upgrade',
  edit: 'change of rules',
};

const RETRY_MS = 5;
const SERVICE = `${VIP}:80`;
const OTHER_SERVICE = `${VIP}:8080`;
const IDLE_SERVER = '10.2.0.99:80';
const SERVERS = ['10.2.0.11:80', '10.2.0.12:80', '10.2.0.13:80'];

/** A disturbance of each kind as often as `counts` says, mixed. */
export function shuffled(counts: Counts, random: SeededRandom): Kind[] {
  const kinds = KINDS.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [kinds[i], kinds[j]] = [kinds[j], kinds[i]];
  }
  return kinds;
}

export class Victim {
  private edits = 0;

  constructor(
    private readonly host: Host,
    public director: Director,
  ) {}

  async suffer(kind: Kind): Promise<void> {
    switch (kind) {
      case 'killWorker':
        await this.killWorker();
        break;
      case 'killDirector':
        await this.director.kill();
        this.director = await Director.start(this.host);
        break;
      case 'restart':
        await this.director.daemon.stop('SIGUSR2');
        this.director = await Director.start(this.host);
        break;
      case 'upgrade':
        await this.host.output('uvs', ['upgrade']);
        break;
      case 'edit':
        await this.edit();
    }
  }

  /** The one whose number is written down may have ended, and its successor not be there yet. */
  private async killWorker(): Promise<void> {
    for (;;) {
      try {
        process.kill(this.workerPid(), 'SIGKILL');
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        await pause(RETRY_MS);
      }
    }
  }

  /** The process that moves the packets: it has written its number into the file that it holds a lock of. */
  private workerPid(): number {
    return Number(readFileSync(join(this.host.folder, 'state/tables/owner'), 'utf8'));
  }

  /** Each change is taken back by the next one. None takes a server away from its connections. */
  private async edit(): Promise<void> {
    const server = SERVERS[Math.floor(this.edits / 2) % SERVERS.length];
    const pairs = [
      [`-e -t ${SERVICE} -r ${SERVERS[0]} -m -w 0`, `-e -t ${SERVICE} -r ${SERVERS[0]} -m -w 1`],
      [`-E -t ${SERVICE} -s wlc`, `-E -t ${SERVICE} -s rr`],
      [`-a -t ${SERVICE} -r ${IDLE_SERVER} -m -w 0`, `-d -t ${SERVICE} -r ${IDLE_SERVER}`],
      [`-A -t ${OTHER_SERVICE} -s sh -p 30`, `-D -t ${OTHER_SERVICE}`],
      [`-e -t ${SERVICE} -r ${server} -m -w 9`, `-e -t ${SERVICE} -r ${server} -m -w 1`],
    ];
    await this.director.adm(pairs[Math.floor(this.edits / 2) % pairs.length][this.edits % 2]);
    this.edits += 1;
  }
}
