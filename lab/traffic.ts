/** Traffic with real clients (curl, wrk), and files to send through them. */
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, openSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from './errors.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import type { LabProcess } from './process.js';

export interface TrafficOptions {
  /** One connection for all requests of a client, or a new one for each (the default). */
  keepAlive?: boolean;
}

/** Sends `count` requests one after the other with curl; resolves to the answers, all of which must come. */
export async function requestSeries(
  client: Host,
  url: string,
  count: number,
  options: TrafficOptions = {},
): Promise<string[]> {
  const header = options.keepAlive === true ? [] : ['-H', 'Connection: close'];
  const urls = count === 1 ? url : `${url}?[1-${count}]`;
  const args = ['--silent', '--show-error', '--fail', '--max-time', '60', ...header, urls];
  const output = await client.output('curl', args);
  return output.trimEnd().split('\n');
}

/** How often each answer occurs: { server1: 3, server2: 3 }. */
export function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers.toSorted()) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

export interface WrkOptions extends TrafficOptions {
  connections: number;
  seconds: number;
  /** An answer that takes longer counts as a failure, once it is there; 2 s where nothing is said. */
  patienceSeconds?: number;
  /** Path of a Lua script for it. */
  script?: string;
}

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Connections that could not be made, reads, writes and time-outs that failed, answers other than 2xx. */
  readonly errors: number;
  /** The same by kind: 'timeout 7'. */
  readonly failures: readonly string[];
}

/** Sends requests over many connections at once with wrk, for any fraction of seconds. */
export async function wrk(client: Host, url: string, options: WrkOptions): Promise<WrkResult> {
  return endWrk(startWrk(client, url, options), options.seconds);
}

/** Has wrk send requests until `endWrk`, but no longer than `seconds` and a little more. */
export function startWrk(client: Host, url: string, options: WrkOptions): LabProcess {
  const { connections, seconds, keepAlive = true, patienceSeconds, script } = options;
  const header = keepAlive ? [] : ['-H', 'Connection: close'];
  const more = script === undefined ? [] : ['-s', script];
  if (patienceSeconds !== undefined) more.push('--timeout', `${patienceSeconds}s`);
  const load = ['-t', '1', '-c', String(connections), '-d', `${Math.ceil(seconds) + 1}s`];
  return client.spawn('wrk', [...load, ...header, ...more, withPort(url)]);
}

/** Ends wrk `afterSeconds` from now, and reads its report. wrk itself knows whole seconds only. */
export async function endWrk(process: LabProcess, afterSeconds = 0): Promise<WrkResult> {
  const ended = await Promise.race([process.done, pause(afterSeconds * 1000)]);
  const { exit, stdout, stderr } = ended ?? (await process.stop('SIGINT'));
  if (exit !== 0) throw new LabError(`${process.command}: ${stderr}${stdout}`);
  return parseWrk(stdout);
}

/** wrk looks the port up in /etc/services, which not every system has, unless the URL names it. */
function withPort(url: string): string {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  return `${protocol}//${hostname}:${port || 80}${pathname}${search}`;
}

/** Reads wrk's report. */
export function parseWrk(output: string): WrkResult {
  const requests = /(\d+) requests in/.exec(output);
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(output);
  if (requests === null || rate === null) throw new LabError(`not a report of wrk: ${output}`);
  const wrongAnswers = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const failures = [
    ...output.matchAll(/\b(connect|read|write|timeout) ([1-9]\d*)/g),
    ...(wrongAnswers === null ? [] : [['', 'not 2xx', wrongAnswers[1]]]),
  ];
  return {
    requests: Number(requests[1]),
    requestsPerSecond: Number(rate[1]),
    errors: failures.reduce((sum, [, , count]) => sum + Number(count), 0),
    failures: failures.map(([, kind, count]) => `${kind} ${count}`),
  };
}

export interface TestFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Makes a file in the lab's data folder, which its web servers offer as /files/NAME. Its content is the
 * key stream of AES in counter mode: always the same for a size, and no two parts of it alike.
 */
export function makeTestFile(lab: Lab, name: string, bytes: number): TestFile {
  const folder = lab.dataFolder();
  const space = statfsSync(folder);
  if (space.bavail * space.bsize < 3 * bytes) {
    throw new LabError(`${folder} has no room for files of ${bytes} bytes`);
  }
  const path = join(folder, name);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = cipher.update(left < CHUNK_BYTES ? zeros.subarray(0, left) : zeros);
      hash.update(chunk);
      writeSync(file, chunk);
    }
  } finally {
    closeSync(file);
  }
  return { name, path, bytes, sha256: hash.digest('hex') };
}
