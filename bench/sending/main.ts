/**
 * `npm run bench:sending`: the two ways in which the portable driver could send, npm's pcap and npm's raw-socket,
 * side by side on a veth pair.
 */
import { join } from 'node:path';
import { Lab } from '../../lab/lab.js';
import { DIRECTOR_OUTSIDE, natPlan } from '../../lab/plan.js';
import { packageRoot } from '../../src/package.js';
import { median } from '../micro/measure.js';
import { runBenchmark } from '../program.js';

const PROGRAM = join(packageRoot(), 'dist', 'bench', 'sending', 'programs', 'send.js');
const ROUNDS = 5;
const SECONDS = 1;
const WAYS = { frames: 'frames, pcap (inject)', packets: 'packets, raw-socket (IP_HDRINCL)' };

async function main(): Promise<void> {
  const lab = Lab.up({ id: 'sending', plan: natPlan(), commands: [] });
  try {
    const address = '/sys/class/net/ext0/address';
    const mac = (await lab.host('director').output('cat', [address])).trim();
    const words = ['lan0', DIRECTOR_OUTSIDE, mac, String(SECONDS)];
    const rates: Record<string, number[]> = { frames: [], packets: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of Object.keys(WAYS)) {
        const output = await lab.host('client').output(process.execPath, [PROGRAM, way, ...words]);
        rates[way].push(Number(output));
      }
    }
    for (const [way, title] of Object.entries(WAYS)) {
      const [least, most] = [Math.min(...rates[way]), Math.max(...rates[way])];
      process.stdout.write(`${title.padEnd(34)}${median(rates[way])}/s (${least} to ${most})\n`);
    }
  } finally {
    lab.down();
  }
}

await runBenchmark('bench', main);
