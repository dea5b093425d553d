/** What goes on all the time on established connections, and how much of it arrives. */
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from '../../lab/errors.js';
import type { Host } from '../../lab/host.js';
import type { LabProcess } from '../../lab/process.js';
import { BULK, WEB, type Service } from '../macro/services.js';

export interface Load {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly service: Service;
  /** The client's command; it goes on until it is ended. */
  command(address: string): [string, string[]];
  /** A rate that tells that it is under way. */
  readonly least: number;
  /** From what the counter has seen in a second. */
  rate(packets: number, bytes: number): number;
}

const LONG_SECONDS = 600;
const CONNECTIONS = 50;

export const LOADS: readonly Load[] = [bulk(1), bulk(8), requests()];

function bulk(streams: number): Load {
  return {
    id: `bulk-${streams}`,
    title: `bulk to the client, ${streams} ${streams === 1 ? 'stream' : 'streams'}`,
    unit: 'Gbit/s',
    digits: 2,
    service: BULK,
    command: (address) => {
      const target = ['-c', address, '-p', String(BULK.port), '--reverse'];
      return ['iperf3', [...target, '-t', String(LONG_SECONDS), '-P', String(streams)]];
    },
    least: 0.3,
    rate: (_, bytes) => (bytes * 8) / 1e9,
  };
}

function requests(): Load {
  return {
    id: 'requests',
    title: `requests on ${CONNECTIONS} kept connections`,
    unit: 'requests/s',
    digits: 0,
    service: WEB,
    command: (address) => {
      const load = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${LONG_SECONDS}s`];
      return ['wrk', [...load, `http://${address}:${WEB.port}/`]];
    },
    least: 100,
    // Each answer is one packet.
    rate: (packets) => packets,
  };
}

const TABLE = 'arrivals';

/** Counts what the client's own programs get: packets with data, and all bytes. */
export async function installMeter(client: Host): Promise<void> {
  const rules = LOADS.map(({ service }) => service.port).map(
    (port) => `    tcp sport ${port} tcp flags & psh == psh counter name data${port}
    tcp sport ${port} counter name all${port}`,
  );
  const ports = [...new Set(LOADS.map(({ service }) => service.port))];
  const counters = ports.map((port) => `  counter data${port} { }\n  counter all${port} { }`);
  const ruleset = `table ip ${TABLE} {
${counters.join('\n')}
  chain input {
    type filter hook input priority 0;
${[...new Set(rules)].join('\n')}
  }
}
`;
  await client.output('nft', ['-f', '-'], { input: ruleset });
}

async function readMeter(client: Host, { port }: Service) {
  const listing = await client.output('nft', ['list', 'counters', 'table', 'ip', TABLE]);
  const read = (name: string) => {
    const match = new RegExp(`counter ${name} \\{\\s*packets (\\d+) bytes (\\d+)`).exec(listing);
    if (match === null) throw new LabError(`no counter ${name}: ${listing}`);
    return { packets: Number(match[1]), bytes: Number(match[2]) };
  };
  const now = performance.now();
  return { now, packets: read(`data${port}`).packets, bytes: read(`all${port}`).bytes };
}

const ATTEMPTS = 5;
const LOOKS = 20;
const WARM_UP_SECONDS = 0.7;

export class RunningLoad {
  private constructor(
    private readonly load: Load,
    private readonly client: Host,
    private readonly process: LabProcess,
  ) {}

  /** Resolves when its connections are established and data flow. */
  static async start(load: Load, client: Host, address: string): Promise<RunningLoad> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const running = new RunningLoad(load, client, client.spawn(...load.command(address)));
      // After a flood of SYNs a connection takes a second.
      for (let look = 1; look <= LOOKS; look++) {
        if ((await running.measure(WARM_UP_SECONDS)) > load.least) return running;
      }
      // iperf3's server may be busy with the end of the test before.
      await running.stop();
    }
    throw new LabError(`${load.title}: nothing arrives from ${address}`);
  }

  /** What arrives in a second, during the next `seconds`. */
  async measure(seconds: number): Promise<number> {
    const { client, load } = this;
    const before = await readMeter(client, load.service);
    await pause(seconds * 1000);
    const after = await readMeter(client, load.service);
    const elapsed = (after.now - before.now) / 1000;
    return load.rate(
      (after.packets - before.packets) / elapsed,
      (after.bytes - before.bytes) / elapsed,
    );
  }

  async stop(): Promise<void> {
    // wrk may sleep through gentler signals.
    await this.process.stop('SIGKILL');
  }
}
