/**
 * Frames of many clients, made without a network:
 *
 *     clients 100.64.0.0/10 -- router -- outer port, VIP:80 [director] inner port -- servers 10.2.0.0/24:8080
 *
 * Client `i` is always the same address and port. All frames are bare segments of 54 bytes: what is behind the
 * headers is never looked at, so its length costs nothing.
 */
import { rewriteDestination, rewriteSource } from '../../dataplane/nat/masquerade.js';
import { read32 } from '../../dataplane/wire/bytes.js';
import { address, ETHERNET, IP, TCP, tcpFrame } from '../../test/support/frames.js';
import { INNER, OUTER, VIP } from '../../test/support/director.js';

export const SERVICE_PORT = 80;
export const SERVER_PORT = 8080;
export const SYN = 0x02;
export const ACK = 0x10;
export const SYN_ACK = SYN | ACK;

export const FRAME_BYTES = ETHERNET + IP + TCP;
/** Where the next frame begins: two cache lines further on. */
export const FRAME_STRIDE = 128;
/**
 * Frames in a batch: 64 KB, so that they still lie in the second-level cache, as frames do that the kernel has
 * just written; and few enough that most batches are not interrupted on a busy machine.
 */
export const BATCH_FRAMES = 512;

const DESTINATION = ETHERNET + 16;
const SERVER_NETWORK = address('10.2.0.0');
const CLIENT_NETWORK = address('100.64.0.0');
const CLIENT_MASK = 0x003f_ffff;
const FIRST_PORT = 1024;
const PORTS = 0x1_0000 - FIRST_PORT;
/** Odd, so that multiplying by it only changes the order of the addresses. */
const SCATTER = 0x9e37_79b1 | 0;

/** Addresses of clients with following numbers lie far apart; no two clients share address and port. */
export function clientAddress(client: number): number {
  return CLIENT_NETWORK | (Math.imul(client, SCATTER) & CLIENT_MASK);
}

export function clientPort(client: number): number {
  const mixed = Math.imul(client & CLIENT_MASK, 0x85eb_ca6b) >>> 12;
  return FIRST_PORT + ((mixed + (client >>> 22)) % PORTS);
}

/** Frames that come in by one port, all of them rewritten in place by whoever processes them. */
export class FrameBatch {
  readonly memory = new Uint8Array(BATCH_FRAMES * FRAME_STRIDE);
  readonly offset = Int32Array.from({ length: BATCH_FRAMES }, (_, i) => i * FRAME_STRIDE);
  readonly length = new Int32Array(BATCH_FRAMES).fill(FRAME_BYTES);
  count = 0;
  port = OUTER;
  private readonly pristine = new Uint8Array(BATCH_FRAMES * FRAME_STRIDE);
  private readonly templates = new Map<string, Uint8Array>();

  get isFull(): boolean {
    return this.count === BATCH_FRAMES;
  }

  begin(port: number): void {
    this.port = port;
    this.count = 0;
  }

  /** Adds a client's segment to the service. */
  addRequest(client: number, flags: number): void {
    const frame = this.place(`request ${flags}`, () =>
      tcpFrame({
        source: '100.64.0.0',
        sourcePort: FIRST_PORT,
        destination: VIP,
        destinationPort: SERVICE_PORT,
        flags,
      }),
    );
    const ip = frame + ETHERNET;
    rewriteSource(this.pristine, ip, ip + IP, clientAddress(client), clientPort(client), false);
  }

  /** Adds a server's segment to a client. @param host the last number of the server's address */
  addReply(host: number, client: number, flags: number): void {
    const frame = this.place(`reply ${flags}`, () =>
      tcpFrame({
        source: '10.2.0.0',
        sourcePort: SERVER_PORT,
        destination: '100.64.0.0',
        destinationPort: FIRST_PORT,
        flags,
      }),
    );
    const ip = frame + ETHERNET;
    const server = SERVER_NETWORK | host;
    rewriteSource(this.pristine, ip, ip + IP, server, SERVER_PORT, false);
    const port = clientPort(client);
    rewriteDestination(this.pristine, ip, ip + IP, clientAddress(client), port, false);
  }

  /** Makes all frames be as they came in. */
  restore(): void {
    this.memory.set(this.pristine);
  }

  /** Which server a processed request went to: the last number of its address. */
  serverHost(index: number): number {
    return read32(this.memory, index * FRAME_STRIDE + DESTINATION) & 0xff;
  }

  private place(name: string, make: () => Uint8Array): number {
    let template = this.templates.get(name);
    if (template === undefined) this.templates.set(name, (template = make()));
    const at = this.count++ * FRAME_STRIDE;
    this.pristine.set(template, at);
    return at;
  }
}

export { INNER, OUTER };
