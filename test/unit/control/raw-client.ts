/** A client of the control socket that sends what a test tells it, sense or nonsense. */
import { connect, type Socket } from 'node:net';
import { readLines } from '../../../src/control/lines.js';

const LONGEST_LINE_BYTES = 1 << 24;

export class RawClient {
  private readonly lines;

  private constructor(readonly socket: Socket) {
    const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    this.lines = readLines(chunks, LONGEST_LINE_BYTES);
  }

  /** Connects; the director's greeting is the first message. */
  static async open(path: string): Promise<RawClient> {
    const socket = connect({ path, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    return new RawClient(socket);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The next message, null once the director has hung up. */
  async message(): Promise<any> {
    const next = await this.lines.next();
    if (next.done === true || 'tooLong' in next.value) return null;
    return JSON.parse(next.value.text);
  }

  close(): void {
    this.socket.destroy();
  }
}
