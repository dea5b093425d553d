/**
 * `npm run bench:churn`: as many connections as a busy gateway sees in a day, opened, used and closed in fast
 * motion, with a clock of its own. Says what is left of them in the tables and in memory.
 */
import { parseArgs } from 'node:util';
import { TICKS_PER_SECOND } from '../../dataplane/clock.js';
import { collectGarbage } from '../micro/measure.js';
import { EngineSubject } from '../micro/subjects.js';
import { ACK, BATCH_FRAMES, FrameBatch, INNER, OUTER, SYN, SYN_ACK } from '../micro/traffic.js';

const HELP = `Usage: npm run bench:churn -- [--connections N] [--hours N]

Opens, uses and closes N connections (default 50000000), spread over so many hours of the director's clock
(default 24), and watches the process' memory. Fails where something is left.
`;

const FIN_ACK = 0x11;
const SECOND_MS = 1000;
/** Room for what is in TIME_WAIT at a time, several times over. */
const CAPACITY = 1 << 20;
/** After the last connection: longer than TIME_WAIT. */
const AFTERMATH_TICKS = 200 * TICKS_PER_SECOND;
/** Growth from the first tenth on that would be a leak: less than a byte for each connection. */
const GROWTH_MAX_BYTES = 16 << 20;
const LOOKS = 10;

interface Look {
  heapBytes: number;
  residentBytes: number;
  live: number;
}

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '50000000' },
    hours: { type: 'string', default: '24' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else process.exitCode = await churn(Number(values.connections), Number(values.hours));

async function churn(connections: number, hours: number): Promise<number> {
  const subject = await EngineSubject.create({ scheduler: 'wlc', servers: 10, capacity: CAPACITY });
  const batch = new FrameBatch();
  const hosts = new Uint8Array(BATCH_FRAMES);
  const ticksPerBatch = (hours * 3600 * TICKS_PER_SECOND * BATCH_FRAMES) / connections;
  const looks: Look[] = [];
  const begin = performance.now();
  let client = 0;
  for (let time = 0; client < connections; time += ticksPerBatch) {
    const now = Math.floor(time);
    live(subject, batch, hosts, client, now);
    client += BATCH_FRAMES;
    subject.advance(now);
    if (client >= (connections / LOOKS) * (looks.length + 1)) looks.push(show(client, subject));
  }
  subject.advance(hours * 3600 * TICKS_PER_SECOND + AFTERMATH_TICKS);
  looks.push(show(client, subject));
  const seconds = ((performance.now() - begin) / SECOND_MS).toFixed(0);
  return conclude(subject, looks, `${client} connections in ${seconds} seconds`);
}

/** The whole life of as many connections as a batch has frames. */
function live(
  subject: EngineSubject,
  batch: FrameBatch,
  hosts: Uint8Array,
  first: number,
  now: number,
): void {
  const fromClients = (flags: number): void => {
    batch.begin(OUTER);
    while (!batch.isFull) batch.addRequest(first + batch.count, flags);
    carry(subject, batch, now);
  };
  const fromServers = (flags: number): void => {
    batch.begin(INNER);
    while (!batch.isFull) batch.addReply(hosts[batch.count], first + batch.count, flags);
    carry(subject, batch, now);
  };
  fromClients(SYN);
  for (let i = 0; i < batch.count; i++) hosts[i] = batch.serverHost(i);
  fromServers(SYN_ACK);
  fromClients(ACK);
  fromServers(ACK);
  fromClients(FIN_ACK);
  fromServers(FIN_ACK);
  fromClients(ACK);
}

function carry(subject: EngineSubject, batch: FrameBatch, now: number): void {
  batch.restore();
  const unsent = subject.process(batch, now);
  if (unsent > 0) throw new Error(`${unsent} of ${batch.count} frames were not sent`);
}

function show(client: number, subject: EngineSubject): Look {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const live = subject.connectionCount;
  const look = { heapBytes: heapUsed, residentBytes: rss, live };
  process.stdout.write(
    `${String(client).padStart(9)} connections  heap ${megabytes(heapUsed)}  resident ${megabytes(rss)}  in the table ${live}\n`,
  );
  return look;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

/** The first look is the yardstick: the tables have reached their working size by then. */
function conclude(subject: EngineSubject, looks: readonly Look[], summary: string): number {
  const [first] = looks;
  const last = looks[looks.length - 1];
  const { destinations, services } = subject.server.state;
  let bound = 0;
  for (let d = services.first(1); d !== 0; d = destinations.next(d)) {
    bound += destinations.activeConnections(d) + destinations.inactiveConnections(d);
  }
  const grown = last.residentBytes - first.residentBytes;
  const problems = [
    ...(last.live > 0 ? [`${last.live} connections are left`] : []),
    ...(bound > 0 ? [`servers still count ${bound} connections`] : []),
    ...(grown > GROWTH_MAX_BYTES ? [`memory has grown by ${grown} bytes`] : []),
  ];
  const verdict =
    problems.length === 0 ? 'nothing is left, memory has not grown' : problems.join('; ');
  process.stdout.write(`${summary}: ${verdict}\n`);
  return problems.length === 0 ? 0 : 1;
}
