/** What the results depend on besides the programs. */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { versionOf } from './peers/version.js';

const CONGESTION_CONTROL = '/proc/sys/net/ipv4/tcp_congestion_control';

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryMb: number;
  readonly kernel: string;
  /** Of TCP. */
  readonly congestionControl: string;
  readonly node: string;
  /** Of the programs that make traffic. */
  readonly tools: Readonly<Record<string, string>>;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model ?? '',
    processors: all.length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    congestionControl: readFileSync(CONGESTION_CONTROL, 'utf8').trim(),
    node: process.version,
    tools: {
      wrk: versionOf('wrk', '--version'),
      iperf3: versionOf('iperf3', '--version'),
      nginx: versionOf('nginx', '-v'),
    },
  };
}
