/**
 * The worker's process: `node main.js DRIVER`, started by the director with an IPC channel and the ports' sockets.
 */
import { CAP_NET_RAW, giveUp } from '../../dataplane/sys/capabilities.js';
import { packageVersion } from '../package.js';
import { tuneCompiler } from './compiler.js';
import type { DriverName, FromWorker, ToWorker } from './messages.js';
import { Worker } from './worker.js';

const EXIT_FAILED = 1;

tuneCompiler();
// The ring driver inherits all packet sockets. Where the director could hand down less, it has done so already.
if (process.argv[2] === ('ring' satisfies DriverName)) giveUp(CAP_NET_RAW);

function send(message: FromWorker): void {
  // Without a director there is nobody to tell.
  if (process.connected) process.send?.(message);
}

function exitFailed(): never {
  process.exit(EXIT_FAILED);
}

function fail(thrown: unknown): void {
  const { message, stack = '' } = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (!process.connected || process.send === undefined) exitFailed();
  process.send({ type: 'failed', message, stack } satisfies FromWorker, exitFailed);
}

const worker = new Worker(send);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
process.on('message', (message: ToWorker) => void worker.handle(message).catch(fail));
process.on('disconnect', () => worker.orphaned());
process.on('SIGTERM', () => worker.end());
// A terminal's signals are for the director, who decides what becomes of its worker.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('SIGUSR2', () => {});
send({ type: 'loaded', version: packageVersion() });
