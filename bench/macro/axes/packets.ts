/**
 * Small packets one way as fast as they come, on many established connections; for those who pass packets on.
 * What arrives a second counts; the rest is loss. Proxies have no packets of their client's to pass on.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { packageRoot } from '../../../src/package.js';
import { pin } from '../processes.js';
import type { Count } from '../programs/count.js';
import type { Flood } from '../programs/flood.js';
import { PACKETS } from '../services.js';
import type { Site } from '../site.js';
import type { Axis, Conditions, Outcome } from './axis.js';

const PROGRAMS = join(packageRoot(), 'dist', 'bench', 'macro', 'programs');
const FLOWS = 64;
/** In the client's network, but nobody's: no kernel answers for it. */
const SOURCE = '10.1.0.200';
/** For what is still under way when the last packet was sent. */
const SETTLE_MS = 200;

export const packets: Axis = {
  id: 'packets',
  title: 'small packets, one way',
  metrics: [
    { key: 'rate', unit: 'packets/s', better: 'more', digits: 0 },
    { key: 'loss', unit: '% lost', better: 'less', digits: 1 },
    { key: 'reordered', unit: '% reordered', better: 'less', digits: 2 },
  ],
  work: { unit: 'packet', timeUnit: 'µs' },
  quick: true,
  commands: ['nft'],
  extraSeconds: 0.6,
  apart: true,
  pieces: null,
  appliesTo: (peer) => peer.kind === 'packets',
  measure,
};

const prepared = new WeakSet<Site>();
/** Checked once a run. */
const generatorRates = new WeakMap<Site, number>();

async function measure(site: Site, { seconds, placement }: Conditions): Promise<Outcome> {
  if (!prepared.has(site)) await prepare(site);
  prepared.add(site);
  const server = site.lab.host('server1');
  const counter = server.spawn(process.execPath, [
    join(PROGRAMS, 'count.js'),
    String(PACKETS.port),
  ]);
  if (placement !== null) pin(counter.pid, placement.server);
  await counter.output(/ready/);
  const flood = await sendFlood(site, site.address(PACKETS), seconds);
  await pause(SETTLE_MS);
  // While the counter still listens for connections.
  const checked = site.peer.balances || generatorRates.has(site);
  if (!checked) generatorRates.set(site, await generatorRate(site));
  const generatorPerSecond = generatorRates.get(site);
  counter.endInput();
  const { stdout } = await counter.done;
  const count = JSON.parse(stdout.replace('ready\n', '')) as Count;
  const arrived = count.received + count.overflowed;
  return {
    values: {
      rate: arrived / flood.seconds,
      loss: (1 - arrived / flood.sent) * 100,
      reordered: (count.reordered / Math.max(1, count.received)) * 100,
    },
    work: arrived,
    details: {
      offeredPerSecond: flood.sent / flood.seconds,
      ...(generatorPerSecond === undefined ? {} : { generatorPerSecond }),
      ...count,
    },
  };
}

async function sendFlood(site: Site, target: string, seconds: number): Promise<Flood> {
  const router = await mac(site, 'director', 'ext0');
  const words = [SOURCE, target, PACKETS.port, router, FLOWS, seconds].map(String);
  const program = join(PROGRAMS, 'flood.js');
  return JSON.parse(await site.client.output(process.execPath, [program, ...words])) as Flood;
}

const CEILING_SECONDS = 0.3;

/**
 * What the generator sends when packets end at the director's door: it must be more than anybody passes on. It is
 * also the part of those who work in the kernel that isn't theirs: their work is done within the generator's call.
 */
async function generatorRate(site: Site): Promise<number> {
  const director = site.lab.host('director');
  await director.output('nft', ['-f', '-'], { input: dropMarked('ext0') });
  const { sent, seconds } = await sendFlood(site, site.address(PACKETS), CEILING_SECONDS);
  await director.output('nft', ['delete', 'table', 'netdev', TABLE]);
  return sent / seconds;
}

const TABLE = 'marked';

function dropMarked(name: string): string {
  return `table netdev ${TABLE} {
  chain ${TABLE} { type filter hook ingress device ${name} priority 0; ip dscp cs1 drop; }
}`;
}

/** Answers find their way to the client's host, and marked packets end where they are counted. */
async function prepare(site: Site): Promise<void> {
  const director = site.lab.host('director');
  const neighbour = ['replace', SOURCE, 'lladdr', await mac(site, 'client', 'lan0')];
  await director.output('ip', ['neigh', ...neighbour, 'dev', 'ext0', 'nud', 'permanent']);
  await site.lab.host('server1').output('nft', ['-f', '-'], { input: dropMarked('lan0') });
}

async function mac(site: Site, host: string, name: string): Promise<string> {
  const text = await site.lab.host(host).output('cat', [`/sys/class/net/${name}/address`]);
  return text.trim();
}
