/** The kernel's ip_vs, of whose way to work uvs is the one in user space. Where this kernel has it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { LabError } from '../../../lab/errors.js';
import { findCommand } from '../../../lab/needs.js';
import { masqueradingRules, SCHEDULER } from '../rules.js';
import type { Peer } from './peer.js';
import { versionOf } from './version.js';

const TABLE_BITS = '/sys/module/ip_vs/parameters/conn_tab_bits';
const SCHEDULER_MODULE = `ip_vs_${SCHEDULER}`;

export const ipVs: Peer = {
  id: 'ip_vs',
  title: 'ip_vs',
  kind: 'packets',
  balances: true,
  quick: true,
  commands: [],
  get settings() {
    return `ipvsadm, scheduler ${SCHEDULER}, masquerading; conn_tab_bits=${ipVsTableBits() ?? 'unknown'}`;
  },
  version: () => `${versionOf(realIpvsadm(), '--version')}, Linux ${release()}`,
  missing: missingIpVs,
  start: async (host) => {
    await host.output(realIpvsadm(), ['--restore'], { input: masqueradingRules() });
    return { pids: [] };
  },
};

/** Why ip_vs can't be measured here, and what helps; null where it can. Loads the module if need be. */
export function missingIpVs(): string | null {
  if (!hasIpVs()) {
    return 'this kernel has no ip_vs; `npm run bench:ipvs` measures against it in an emulated machine';
  }
  if (findCommand('ipvsadm') === null) {
    return 'ipvsadm is not installed; try apt-get install --no-install-recommends ipvsadm';
  }
  return null;
}

function hasIpVs(): boolean {
  if (!existsSync('/proc/net/ip_vs')) spawnSync('modprobe', ['--all', 'ip_vs', SCHEDULER_MODULE]);
  return existsSync('/proc/net/ip_vs');
}

/** The kernel's table has two to the power of so many buckets; null where the module doesn't say. */
export function ipVsTableBits(): number | null {
  try {
    return Number(readFileSync(TABLE_BITS, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Loads the module anew with a table of 2^`tableBits` buckets, from 8 to 20 of them in Linux 6.1. Only while no
 * namespace has services: throws LabError where the kernel won't let go of it, or knows it only as built in.
 */
export function reloadIpVs(tableBits: number): void {
  const steps = [
    ['modprobe', '--remove', SCHEDULER_MODULE, 'ip_vs'],
    ['modprobe', 'ip_vs', `conn_tab_bits=${tableBits}`],
    ['modprobe', SCHEDULER_MODULE],
  ];
  for (const [command, ...args] of steps) {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) continue;
    throw new LabError(`${command} ${args.join(' ')}: ${stderr?.trim() || `status ${status}`}`);
  }
  const bits = ipVsTableBits();
  if (bits === tableBits) return;
  throw new LabError(`ip_vs has a table of 2^${bits} buckets where 2^${tableBits} were asked for`);
}

/** By its path: in a lab, `ipvsadm` is uvsadm. */
export function realIpvsadm(): string {
  const path = findCommand('ipvsadm');
  if (path === null) throw new LabError('ipvsadm is not installed');
  return path;
}
