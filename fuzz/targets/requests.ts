/**
 * Requests at the control socket: a real server, a real socket, a virtual server behind it. Every request gets
 * its answer, in order; what was carried out is what a model has come to, and what was refused changed nothing.
 *
 *     input   0      1        2 ...
 *            +------+--------+-----------------------------+
 *            | end  | pieces | what is sent: lines of JSON |
 *            +------+--------+-----------------------------+
 *
 * How a conversation ends: the connection is kept and used again (0 to 29), no more is sent and the answers
 * are read (30), the client hangs up at once (31).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCHEDULERS } from '../../scheduler/registry.js';
import { ControlError, type Control } from '../../src/control/api.js';
import { REQUEST_MAX_BYTES } from '../../src/control/protocol.js';
import { paramSchemas, requestSchema } from '../../src/control/schemas.js';
import { type ControlServer, serveControl } from '../../src/control/server.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import type { Random } from '../../sim/random.js';
import { mutateJson } from '../json.js';
import { comparableListing, Model } from '../requests/model.js';
import { type Answer, Peer } from '../requests/peer.js';
import { CONVERSATIONS } from '../requests/request-seeds.js';
import { mustHold, type Target } from '../target.js';
import { bytesOf, TextMutator, textOf } from '../text.js';

const HEADER_BYTES = 2;
const ENDS = 32;
const FINISH = 30;
const HANG_UP = 31;
const CONVERSATION_MAX_BYTES = 8192;
const LINES_MAX = 16;
/** Once in so many conversations a line is longer than any request may be. */
const LONG_LINE_CHANCE = 0.0005;
const NEWLINE = 0x0a;
const FIRST_MARKER = 1_000_000_000;
const CAPACITY = { connections: 64, services: 64, destinations: 256 };
/** Deleted servers keep their records for some minutes. */
const TRASH_MAX = 64;
const TICKS_PER_MINUTE = 6001;

const METHODS = Object.keys(paramSchemas);
const NAMES = [
  'id', 'method', 'params', 'key', 'settings', 'service', 'family', 'protocol', 'address', 'port', 'fwmark',
  'scheduler', 'persistent', 'timeoutSeconds', 'netmask', 'weight', 'upperThreshold', 'lowerThreshold', 'forwarding',
  'changes', 'change', 'timeouts', 'name', 'value',
]; // prettier-ignore
const WORDS = [
  ...METHODS, ...SCHEDULERS.map(({ name }) => name), 'none', 'inet', 'inet6', 'tcp', 'udp', 'masq', 'route',
  '10.1.0.100', '10.1.0.101', '10.2.0.2', '10.2.0.9', '224.0.0.1', '0.0.0.0', '::1', '255.255.255.0', '128',
  'drop_entry', 'amemthresh', 'master', 'true',
]; // prettier-ignore

/** A call that reached the director, and what came of it. */
interface Call {
  method: string;
  args: unknown[];
  refusal: string | null;
}

export class RequestTarget implements Target {
  readonly name = 'requests';
  readonly about = 'requests at the control socket';
  private readonly text = new TextMutator(
    { lines: '\n', words: ',', vocabulary: WORDS.map((word) => JSON.stringify(word)) },
    CONVERSATION_MAX_BYTES,
  );
  private readonly folder = mkdtempSync(join(tmpdir(), 'uvs-fuzz-'));
  private clock = { ticks: 0 };
  private director!: VirtualServer;
  private server: ControlServer | null = null;
  private peer: Peer | null = null;
  private model = new Model();
  private calls: Call[] = [];
  private faults: unknown[] = [];
  private nextMarker = FIRST_MARKER;

  seeds(): Uint8Array[] {
    return CONVERSATIONS.map((conversation) => {
      const lines = conversation.map(([method, params], id) =>
        JSON.stringify({ id, method, params }),
      );
      return bytesOf(`\0\0${lines.join('\n')}\n`);
    });
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    const body = random.chance(0.25)
      ? this.text.mutate(input.subarray(HEADER_BYTES), other.subarray(HEADER_BYTES), random)
      : this.mutateRequests(input, other, random);
    const header = Uint8Array.of(random.below(ENDS), random.chance(0.7) ? 0 : random.below(256));
    return Buffer.concat([header, body]);
  }

  async reset(): Promise<void> {
    await this.stop();
    this.clock = { ticks: 0 };
    this.director = new VirtualServer({
      hashKey: [1, 2],
      clock: () => this.clock.ticks,
      capacity: CAPACITY,
    });
    this.model = new Model();
    this.faults = [];
    this.server = await serveControl({
      path: join(this.folder, 'control.sock'),
      control: this.watched(this.director),
      onFault: (error) => this.faults.push(error),
    });
    this.peer = await Peer.open(this.server.path);
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async stop(): Promise<void> {
    this.peer?.hangUp();
    await this.server?.close();
    this.server = null;
  }

  async run(input: Uint8Array): Promise<number> {
    const end = (input[0] ?? 0) % ENDS;
    const stream = input.subarray(HEADER_BYTES);
    const lines = linesOf(stream);
    this.calls = [];
    if (end === FINISH) this.checkAnswers(lines, await this.converse(stream, input[1] ?? 0));
    else if (end === HANG_UP) await this.interrupt(stream, input[1] ?? 0);
    else this.checkAnswers(lines, await this.talk(stream, input[1] ?? 0));
    this.checkCalls();
    assert.equal(comparableListing(await this.director.services()), this.model.listing());
    if (this.faults.length > 0) throw this.faults[0];
    this.emptyTrash();
    return Math.max(1, lines.length);
  }

  private mutateRequests(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    const lines = textOf(input.subarray(HEADER_BYTES)).split('\n');
    const others = textOf(other.subarray(HEADER_BYTES)).split('\n');
    for (let left = 1 + random.below(3); left > 0; left--) {
      const at = random.below(lines.length);
      if (random.chance(0.2)) lines.splice(at, 0, random.of(others));
      else if (random.chance(0.1)) lines.splice(at, 1);
      else lines[at] = mutateLine(lines[at], random);
      if (lines.length === 0) lines.push('');
    }
    const body = bytesOf(lines.slice(0, LINES_MAX).join('\n')).subarray(0, CONVERSATION_MAX_BYTES);
    if (!random.chance(LONG_LINE_CHANCE)) return body;
    const lineBytes = REQUEST_MAX_BYTES + random.below(3) - 1;
    return Buffer.concat([body, bytesOf(`\n${'x'.repeat(lineBytes)}`)]);
  }

  /** On the connection that is kept. The last answer is that of a request of our own. */
  private async talk(stream: Uint8Array, pieceBytes: number): Promise<Answer[]> {
    const peer = this.peer!;
    const marker = this.nextMarker++;
    peer.send(stream, pieceBytes);
    peer.send(bytesOf(`\n{"id":${marker},"method":"info"}\n`));
    const answers = await peer.wait(marker);
    mustHold(answers.pop()?.id === marker, 'the director goes on serving');
    return answers;
  }

  /** On a connection of its own, whose sending end is closed then. */
  private async converse(stream: Uint8Array, pieceBytes: number): Promise<Answer[]> {
    const peer = await Peer.open(this.server!.path);
    peer.send(stream, pieceBytes);
    peer.finish();
    const answers = await peer.wait(null);
    peer.hangUp();
    return answers;
  }

  /**
   * On a connection of its own that is closed at once. What was sent may still be read: waits until nothing more
   * comes of it.
   */
  private async interrupt(stream: Uint8Array, pieceBytes: number): Promise<void> {
    const peer = await Peer.open(this.server!.path);
    peer.send(stream, pieceBytes);
    peer.hangUp();
    for (let calls = -1; calls !== this.calls.length;) {
      calls = this.calls.length;
      await this.talk(new Uint8Array(0), 0);
      this.calls = this.calls.filter(({ method }) => method !== 'info');
    }
  }

  private checkAnswers(lines: readonly Buffer[], answers: readonly Answer[]): void {
    const last = answers.filter((answer) => !('batch' in answer));
    assert.deepEqual(
      last.map(({ id }) => id),
      lines.map(idOf),
      'each request has its answer, in the order of the requests',
    );
    let next = 0;
    for (const answer of answers) {
      mustHold(answer.id === last[next].id, 'batches come before the answer they belong to');
      if (answer === last[next]) next += 1;
      if (answer.error === undefined) continue;
      mustHold(/^E[A-Z]+$/.test(answer.error.errno), 'a refusal has a name');
      mustHold(answer.error.errno !== 'EIO', `no request is too much: ${answer.error.message}`);
      mustHold(answer.error.message !== '', 'a refusal says why');
    }
  }

  /** Tells the model what the director was told; both come to the same. */
  private checkCalls(): void {
    for (const { method, args, refusal } of this.calls) {
      // How many records there are is none of the model's business.
      if (refusal === 'ENOMEM') continue;
      const expected = this.model.call(method, args);
      assert.equal(refusal, expected, `${method} ${JSON.stringify(args)}`);
    }
  }

  private emptyTrash(): void {
    const { trash } = this.director.state;
    if (trash.entries.length < TRASH_MAX) return;
    for (let minute = 0; minute < 4; minute++) {
      this.clock.ticks = (this.clock.ticks + TICKS_PER_MINUTE) | 0;
      while (this.director.advance(this.clock.ticks, 1000));
    }
  }

  /** The director's control, each call noted down. */
  private watched(control: Control): Control {
    const note = (method: string, args: unknown[], outcome: unknown): unknown => {
      const call: Call = { method, args, refusal: null };
      this.calls.push(call);
      if (!(outcome instanceof Promise)) return outcome;
      return outcome.catch((error: unknown) => {
        call.refusal = error instanceof ControlError ? error.errno : 'EIO';
        throw error;
      });
    };
    return new Proxy(control, {
      get: (target, name: keyof Control) => {
        const method = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => note(name, args, method.apply(target, args));
      },
    });
  }
}

/** Lines that are requests: all but blank ones. What follows on the last newline is a line as well. */
function linesOf(stream: Uint8Array): Buffer[] {
  const lines: Buffer[] = [];
  const bytes = Buffer.from(stream);
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(at, end);
    if (line.length > REQUEST_MAX_BYTES || line.toString('utf8').trim() !== '') lines.push(line);
    at = end + 1;
  }
  return lines;
}

/** The id that the answer to a line has. */
function idOf(line: Buffer): number | null {
  if (line.length > REQUEST_MAX_BYTES) return null;
  try {
    const request = requestSchema.safeParse(JSON.parse(line.toString('utf8')));
    return request.success ? request.data.id : null;
  } catch {
    return null;
  }
}

function mutateLine(line: string, random: Random): string {
  try {
    return JSON.stringify(mutateJson(JSON.parse(line), random, NAMES, WORDS)) ?? '';
  } catch {
    return line.slice(0, random.below(line.length + 1));
  }
}
