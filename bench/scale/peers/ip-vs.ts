/** The kernel's ip_vs, with its module's own table or with a larger one. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from '../../../lab/errors.js';
import { patient } from '../../../lab/patience.js';
import {
  ipVs as ipVsPeer,
  ipVsTableBits,
  missingIpVs,
  realIpvsadm,
  reloadIpVs,
} from '../../macro/peers/ip-vs.js';
import type { ScalePeer } from './peer.js';
import { oneService, timeoutWords } from './rules.js';

const SLAB = 'ip_vs_conn';
const PAGE_BYTES = 4096;
/** struct hlist_head */
const BUCKET_BYTES = 8;
const SETTLE_MS = 20;
const ATTEMPTS = 20;
const ATTEMPT_MS = 250;

/** @param tableBits of the larger table; null: as the module is */
export function ipVs(tableBits: number | null): ScalePeer {
  return {
    id: tableBits === null ? 'ip_vs-default' : 'ip_vs-large',
    title: tableBits === null ? 'ip_vs' : `ip_vs, 2^${tableBits} buckets`,
    balances: true,
    quick: true,
    group: tableBits === null ? 0 : 1,
    settings: `masquerading; conn_tab_bits ${tableBits ?? 'by default'}`,
    missing: missingIpVs,
    version: () => ipVsPeer.version(),
    start: async (lab) => {
      if (tableBits !== null) await reload(tableBits);
      const host = lab.host('director');
      const ipvsadm = realIpvsadm();
      await host.output(ipvsadm, ['--restore'], { input: oneService() });
      return {
        pids: () => [],
        connections: async () => connectionsIn(await host.output('cat', ['/proc/net/ip_vs'])),
        memory: memoryOfConnections,
        list: [ipvsadm, '-Lnc'],
        dataPlane: () => null,
        recover: () => Promise.resolve(),
        settle: () => pause(patient(SETTLE_MS)),
        setTimeout: async (seconds) => {
          await host.output(ipvsadm, timeoutWords(seconds));
        },
        end: () => undefined,
      };
    },
  };
}

/** The kernel takes a while to let go of a namespace that was removed, and of the module with it. */
async function reload(tableBits: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      reloadIpVs(tableBits);
      return;
    } catch (error) {
      if (!(error instanceof LabError) || attempt === ATTEMPTS) throw error;
      await pause(patient(ATTEMPT_MS));
    }
  }
}

/** "  -> 0A02000B:2328      Masq    1      12345      0", active and inactive ones together. */
function connectionsIn(table: string): number {
  const [, active, inactive] = /->.* Masq +\d+ +(\d+) +(\d+)/.exec(table) ?? ['', '0', '0'];
  return Number(active) + Number(inactive);
}

/** slabinfo(5): name, active and all objects, bytes of one, objects and pages a slab ... slabs: active and all. */
function memoryOfConnections(): Record<string, number> {
  const line = readFileSync('/proc/slabinfo', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${SLAB} `));
  const numbers = (line ?? '').match(/\d+/g)?.map(Number) ?? [];
  const table = 2 ** (ipVsTableBits() ?? 0) * BUCKET_BYTES;
  if (numbers.length === 0) return { table };
  const [pagesPerSlab, slabs] = [numbers[4], numbers[numbers.length - 2]];
  return { table, slab: slabs * pagesPerSlab * PAGE_BYTES };
}
