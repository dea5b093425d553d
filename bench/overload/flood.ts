/** Floods in a lab: a client's host attacks a virtual service. Needs dist/. */
import { join } from 'node:path';
import type { Host } from '../../lab/host.js';
import type { Lab } from '../../lab/lab.js';
import type { LabProcess } from '../../lab/process.js';
import { packageRoot } from '../../src/package.js';

const PROGRAM = join(packageRoot(), 'dist', 'bench', 'overload', 'programs', 'flood.js');
/** Addresses for measurements (RFC 2544), which nobody has. */
export const NOBODYS = '198.18.0.0/15';

export interface FloodReport {
  /** Frames of the flood itself, without the handshakes' third segments. */
  sent: number;
  /** Handshakes completed. */
  answered: number;
  seconds: number;
  /** Frames that the interface refused. */
  unsent: number;
  /** Times the interface could take no more. */
  backPressure: number;
}

export interface FloodOptions {
  mode: 'syn' | 'connect' | 'fragments';
  target: string;
  port: number;
  framesPerSecond: number;
  seconds: number;
  /** Network of the senders' addresses. */
  sources?: string;
  /** Most frames in all; without it only the time ends the flood. */
  framesMax?: number;
}

export class Flood {
  private constructor(private readonly process: LabProcess) {}

  /** Begins a flood from the lab's client; resolves when frames flow. */
  static async start(lab: Lab, options: FloodOptions): Promise<Flood> {
    const { mode, target, port, framesPerSecond, seconds } = options;
    const { sources = NOBODYS, framesMax = Number.MAX_SAFE_INTEGER } = options;
    const mac = await lab.host('director').output('cat', ['/sys/class/net/ext0/address']);
    const pace = [framesPerSecond, seconds, framesMax];
    const words = [mode, target, port, mac.trim(), sources, ...pace].map(String);
    const process = lab.host('client').spawn(globalThis.process.execPath, [PROGRAM, ...words]);
    await process.output(/ready/);
    return new Flood(process);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Resolves when its time is up. */
  async end(): Promise<FloodReport> {
    const { stdout } = await this.process.done;
    return JSON.parse(stdout.replace('ready\n', '')) as FloodReport;
  }

  /** Ends it before its time. */
  stop(): Promise<FloodReport> {
    this.process.endInput();
    return this.end();
  }
}

/**
 * Has answers to the flood's senders go to the client's host, which neither answers nor forwards them: as the
 * Internet would swallow them.
 */
export async function swallowAnswers(director: Host, client: Host): Promise<void> {
  await director.output('ip', ['route', 'replace', 'default', 'via', client.address]);
}
