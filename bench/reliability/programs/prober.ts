/**
 * What a client notices: `node prober.js ADDRESS PORT KEPT`, until SIGTERM. On each of KEPT connections one small
 * request follows the other, a few milliseconds apart, and again and again a new connection is made for one
 * request. A line of JSON at the end says how long the longest ones took and what failed.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [address, port, kept] = process.argv.slice(2);
const GAP_MS = 5;
const NEW_GAP_MS = 10;
const END_OF_HEADER = '\r\n\r\n';

interface Series {
  requests: number;
  failures: string[];
  timesMs: number[];
}

const seriesKept: Series = { requests: 0, failures: [], timesMs: [] };
const seriesNew: Series = { requests: 0, failures: [], timesMs: [] };
const ending = { isAsked: false };

function request(connection: 'keep-alive' | 'close'): string {
  return `GET / HTTP/1.1\r\nHost: vip\r\nConnection: ${connection}\r\n\r\n`;
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: Number(port), noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Resolves when the whole answer is there. */
function answer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (error?: Error): void => {
      socket.off('data', onData).off('error', done).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => done(new Error('closed before the answer'));
    const onData = (part: Buffer): void => {
      text += part.toString('latin1');
      const end = text.indexOf(END_OF_HEADER);
      const length = /content-length: (\d+)/i.exec(text);
      if (end < 0 || length === null) return;
      if (text.length >= end + END_OF_HEADER.length + Number(length[1])) done();
    };
    socket.on('data', onData).on('error', done).on('close', onClose);
  });
}

async function keep(): Promise<void> {
  while (!ending.isAsked) {
    let socket: Socket | null = null;
    try {
      socket = await open();
      while (!ending.isAsked) {
        const start = performance.now();
        socket.write(request('keep-alive'));
        await answer(socket);
        note(seriesKept, start);
        await pause(GAP_MS);
      }
    } catch (error) {
      fail(seriesKept, error);
      await pause(GAP_MS);
    } finally {
      socket?.destroy();
    }
  }
}

async function renew(): Promise<void> {
  while (!ending.isAsked) {
    const start = performance.now();
    try {
      const socket = await open();
      socket.write(request('close'));
      await answer(socket);
      socket.destroy();
      note(seriesNew, start);
    } catch (error) {
      fail(seriesNew, error);
    }
    await pause(NEW_GAP_MS);
  }
}

function note(series: Series, start: number): void {
  series.requests += 1;
  series.timesMs.push(performance.now() - start);
}

function fail(series: Series, error: unknown): void {
  if (!ending.isAsked) series.failures.push((error as Error).message);
}

function summary({ requests, failures, timesMs }: Series): object {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
  return {
    requests,
    failures: failures.length,
    reasons: [...new Set(failures)],
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    longestMs: at(1),
    longestTenMs: sorted.slice(-10).map(Math.round),
  };
}

process.on('SIGTERM', () => {
  ending.isAsked = true;
  const report = { kept: summary(seriesKept), new: summary(seriesNew) };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
});
for (let i = 0; i < Number(kept); i++) void keep();
for (let i = 0; i < 4; i++) void renew();
