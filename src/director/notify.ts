/**
 * Telling the service manager how the director is: datagrams of NAME=VALUE lines to the socket that systemd names
 * in NOTIFY_SOCKET, see sd_notify(3). Where nobody asks for that, nothing happens.
 *
 *     READY=1       packets flow; also when a reload is done
 *     RELOADING=1   the rules are being read anew
 *     STOPPING=1    the director ends
 *     WATCHDOG=1    all is well; without it for WATCHDOG_USEC, systemd starts the director anew
 */
import { hrtime } from 'node:process';
import { sendDatagram } from '../../dataplane/sys/unix-socket.js';

/** What a user of `systemctl status` wants to know. */
export interface Health {
  isWell: boolean;
  /** A sentence for people. */
  text: string;
}

const LOOK_MS = 2000;
const USEC_PER_MSEC = 1000;
const NSEC_PER_USEC = 1000n;
/** There are as many occasions to say that all is well before it counts as not. */
const WATCHDOG_DIVISOR = 4;

export class Notifier {
  private timer: NodeJS.Timeout | null = null;
  private textSent = '';
  private hasFailed = false;

  constructor(
    private readonly socket: string,
    private readonly watchdogMs: number,
    private readonly onFailure: (reason: string) => void,
  ) {}

  /** As systemd's variables have it. `onFailure` is told once where the service manager can't be reached. */
  static fromEnvironment(
    onFailure: (reason: string) => void,
    environment: NodeJS.ProcessEnv = process.env,
  ): Notifier {
    const { NOTIFY_SOCKET = '', WATCHDOG_USEC = '', WATCHDOG_PID = '' } = environment;
    const isMine = WATCHDOG_PID === '' || Number(WATCHDOG_PID) === process.pid;
    const watchdogMs = isMine ? Number(WATCHDOG_USEC) / USEC_PER_MSEC || 0 : 0;
    const isKnownKind = NOTIFY_SOCKET.startsWith('/') || NOTIFY_SOCKET.startsWith('@');
    return new Notifier(isKnownKind ? NOTIFY_SOCKET : '', watchdogMs, onFailure);
  }

  /** Packets flow. From now on `health` is asked every few seconds, and passed on. */
  ready(health: () => Health): void {
    if (this.socket === '') return;
    this.send('READY=1', `MAINPID=${process.pid}`);
    this.look(health);
    const period = this.watchdogMs === 0 ? LOOK_MS : this.watchdogMs / WATCHDOG_DIVISOR;
    this.timer = setInterval(() => this.look(health), Math.min(LOOK_MS, period));
    this.timer.unref();
  }

  reloading(): void {
    this.send('RELOADING=1', `MONOTONIC_USEC=${hrtime.bigint() / NSEC_PER_USEC}`);
  }

  reloaded(): void {
    this.send('READY=1');
  }

  stopping(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.send('STOPPING=1', 'STATUS=stopping');
  }

  private look(health: () => Health): void {
    const { isWell, text } = health();
    const lines: string[] = [];
    if (text !== this.textSent) lines.push(`STATUS=${text}`);
    if (isWell && this.watchdogMs > 0) lines.push('WATCHDOG=1');
    this.textSent = text;
    if (lines.length > 0) this.send(...lines);
  }

  private send(...lines: string[]): void {
    if (this.socket === '') return;
    try {
      sendDatagram(this.socket, `${lines.join('\n')}\n`);
    } catch (error) {
      if (!this.hasFailed) this.onFailure((error as Error).message);
      this.hasFailed = true;
    }
  }
}
