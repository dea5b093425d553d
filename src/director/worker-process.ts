/** A worker's process, as the director has it: started, spoken to, ended. */
import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DriverName, FromWorker, ToWorker } from '../worker/messages.js';
import { withoutRawSockets } from './privileges.js';

/** The program runs as it was built, tests run it from its sources. */
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const PROGRAM = fileURLToPath(new URL(`../worker/main.${EXTENSION}`, import.meta.url));
/** Ends of a process that it brought about itself. */
const FAULT_SIGNALS = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

export interface WorkerEnd {
  /** "exit status 1", "SIGKILL". */
  how: string;
  /** By an error of its own, not because somebody ended it. */
  isFault: boolean;
}

export interface WorkerEvents {
  onMessage: (message: FromWorker) => void;
  onEnd: (end: WorkerEnd) => void;
}

export interface WorkerHandle {
  readonly pid: number;
  send(message: ToWorker): void;
  kill(): void;
}

/**
 * Starts a worker that inherits `sockets`, which its HAND_BACK_SOCKET and the following descriptors become. Only one
 * with the pcap driver may open some of its own.
 */
export function startWorker(
  driver: DriverName,
  sockets: readonly number[],
  events: WorkerEvents,
): WorkerHandle {
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc', ...sockets];
  const start = (): ChildProcess => fork(PROGRAM, [driver], { stdio, serialization: 'advanced' });
  const child = driver === 'pcap' ? start() : withoutRawSockets(start);
  let hasEnded = false;
  const end = (how: WorkerEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    events.onEnd(how);
  };
  child.on('message', (message) => {
    if (!hasEnded) events.onMessage(message as FromWorker);
  });
  child.on('exit', (status, signal) => end(endOf(status, signal)));
  child.on('error', (error) => {
    if (child.pid === undefined) end({ how: error.message, isFault: true });
  });
  return {
    pid: child.pid ?? 0,
    send: (message) => sendTo(child, message),
    kill: () => void child.kill('SIGKILL'),
  };
}

function endOf(status: number | null, signal: NodeJS.Signals | null): WorkerEnd {
  if (signal !== null) return { how: signal, isFault: FAULT_SIGNALS.has(signal) };
  return { how: `exit status ${status}`, isFault: status !== 0 };
}

/** A message to one that is dying is lost; that it has died is told soon after. */
function sendTo(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {});
}
