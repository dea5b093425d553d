/**
 * `npm run bench:metrics`: what a scrape costs with many servers and connections. The tables lie in files, as a data
 * plane's do; another process maps them and serves metrics, as a director does; this one scrapes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { INPUT, OUTPUT } from '../../dataplane/conn/states.js';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { ACK, SYN } from '../../dataplane/wire/tcp.js';
import { openTables } from '../../src/virtual-server/tables.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { destinationSettings, serviceKey, serviceSettings } from '../../test/support/director.js';
import { median } from '../micro/measure.js';
import { inRange } from '../words.js';

const HELP = `Usage: npm run bench:metrics -- [--servers N] [--connections N] [--rounds N]

Measures how long a scrape takes of a director with N servers (default 10000) in a service and N connections
(default 1000000), what it costs the director in processor time, and for how long at a time the director does
nothing else; so many times (default 9).
`;
const TCP = 6;
const VIRTUAL = 0x0a01_0064;
const FIRST_CLIENT = 0x6440_0000;
const FIRST_PORT = 1024;
const PORTS = 60_000;
/** A snapshot is shared for a second: each scrape here gets one of its own. */
const PAUSE_MS = 1100;

interface Round {
  scrapeMs: number;
  bytes: number;
  processorMs: number;
  longestMs: number;
}

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '10000' },
    connections: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '9' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await measure();

async function measure(): Promise<void> {
  const servers = inRange('servers', values.servers, [1, 60_000]);
  const connections = inRange('connections', values.connections, [0, DEFAULT_CAPACITY.connections]);
  const directory = mkdtempSync('/dev/shm/uvs-bench-');
  process.once('exit', () => rmSync(directory, { recursive: true }));
  await fill(directory, servers, connections);
  const rounds = await scrapeAll(directory, inRange('rounds', values.rounds, [1, 100]));
  const row = (what: string, unit: string, number: (round: Round) => number): string => {
    const sorted = rounds.map(number).toSorted((a, b) => a - b);
    const spread = `${sorted[0]} to ${sorted[sorted.length - 1]}`;
    return `  ${what.padEnd(44)}${median(sorted)} ${unit} (${spread})\n`;
  };
  process.stdout.write(
    `${rounds.length} scrapes of ${servers} servers and ${connections} connections, median (and range):\n` +
      row('from question to the last byte', 'ms', ({ scrapeMs }) => scrapeMs) +
      row('megabytes', 'MB', ({ bytes }) => Math.round(bytes / 1e5) / 10) +
      row("the director's processor time", 'ms', ({ processorMs }) => processorMs) +
      row('longest the director does nothing else', 'ms', ({ longestMs }) => longestMs),
  );
}

/** Established connections, as if by a scheduler that takes turns. */
async function fill(directory: string, servers: number, connections: number): Promise<void> {
  const { memory, capacity } = openTables(directory, DEFAULT_CAPACITY);
  const server = new VirtualServer({ hashKey: [1, 2], clock: () => 0, memory, capacity });
  await server.addService(serviceKey(), serviceSettings({ scheduler: 'wlc' }));
  for (let i = 0; i < servers; i++) {
    const address = `10.${2 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`;
    const key = { family: 'inet' as const, address, port: 80 };
    await server.addDestination(serviceKey(), key, destinationSettings());
  }
  const { lifecycle } = server.engine;
  for (let i = 0; i < connections; i++) {
    const client = FIRST_CLIENT + Math.floor(i / PORTS);
    const port = FIRST_PORT + (i % PORTS);
    const c = lifecycle.create(TCP, client, port, VIRTUAL, 80, 1 + (i % servers), 80, false);
    lifecycle.transition(c, INPUT, SYN);
    lifecycle.transition(c, OUTPUT, SYN | ACK);
    lifecycle.transition(c, INPUT, ACK);
  }
}

async function scrapeAll(directory: string, count: number): Promise<Round[]> {
  const program = join(import.meta.dirname, 'programs', 'director.js');
  const director = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: director.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value as string;
  const port = Number(await next());
  const rounds: Round[] = [];
  // The first ones are still being compiled.
  for (let round = -2; round < count; round++) {
    director.stdin.write('begin\n');
    await next();
    const start = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const bytes = (await response.arrayBuffer()).byteLength;
    const scrapeMs = Math.round(performance.now() - start);
    director.stdin.write('end\n');
    const spent = JSON.parse(await next()) as Pick<Round, 'processorMs' | 'longestMs'>;
    if (round >= 0) rounds.push({ scrapeMs, bytes, ...spent });
    await pause(PAUSE_MS);
  }
  director.stdin.end();
  await once(director, 'exit');
  return rounds;
}
