/** A client of the control socket that sends any bytes, in any pieces, and collects the answers. */
import { connect, type Socket } from 'node:net';

export interface Answer {
  id: number | null;
  batch?: unknown[];
  result?: unknown;
  error?: { errno: string; message: string };
}

export class Peer {
  /** What came since the last `wait`, the greeting left out. */
  private answers: Answer[] = [];
  private rest = '';
  private greeted = false;
  private isOver = false;
  private wake: (() => void) | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.take(text));
    socket.on('error', () => {});
    socket.on('close', () => this.end());
    socket.on('end', () => this.end());
  }

  static async open(path: string): Promise<Peer> {
    const socket = connect({ path, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Peer(socket);
  }

  /** Sends bytes in pieces of this size; 0: as they are. */
  send(bytes: Uint8Array, pieceBytes = 0): void {
    const size = pieceBytes === 0 ? bytes.length : pieceBytes;
    for (let at = 0; at < bytes.length; at += size)
      this.socket.write(bytes.subarray(at, at + size));
  }

  /** Sends no more, and still takes answers. */
  finish(): void {
    this.socket.end();
  }

  hangUp(): void {
    this.socket.destroy();
  }

  /** Resolves to the answers up to that of request `id`, or all there were where the director hung up. */
  async wait(id: number | null): Promise<Answer[]> {
    const isThere = (): boolean =>
      this.isOver ||
      (id !== null && this.answers.at(-1)?.id === id && !('batch' in this.answers.at(-1)!));
    while (!isThere()) await new Promise<void>((resolve) => (this.wake = resolve));
    const { answers } = this;
    this.answers = [];
    return answers;
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.greeted) this.answers.push(JSON.parse(line) as Answer);
      this.greeted = true;
    }
    this.wake?.();
  }

  private end(): void {
    this.isOver = true;
    this.wake?.();
  }
}
