/**
 * What a crash may do to the tables, and what not. A picture of them is taken before the step that is cut short;
 * after the restart every connection that the step didn't write to is there as it was, and services and servers
 * are as before the step or as after it.
 */
import * as rec from '../dataplane/conn/record.js';
import type { State, StateMemory } from '../dataplane/state.js';
import { ipText } from './flow.js';
import type { Write } from './crash.js';
import { Violation } from './violation.js';
import { VALID } from '../dataplane/memory/region.js';
import type { VirtualServer } from '../src/virtual-server/virtual-server.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
/** What a connection is: address, ports, protocol (not the TCP state), server. */
const IDENTITY = [rec.W_CLIENT, rec.W_VIRTUAL, rec.W_DESTINATION, rec.W_PORTS, rec.W_SERVER];
/** Of a record that isn't what it was. */
const SHOWN_WORDS = 8;
const MADE_OF = new Set([rec.W_MARK, ...IDENTITY]);

export class Picture {
  private readonly connections: Int32Array;

  private constructor(
    memory: StateMemory,
    /** Services and servers, as text. */
    readonly configuration: string,
  ) {
    this.connections = new Int32Array(memory.connections.buffer.slice(0));
  }

  static async of(server: VirtualServer, memory: StateMemory): Promise<Picture> {
    return new Picture(memory, await configurationOf(server));
  }

  /** Compares with what was rebuilt after a step that had made these writes. */
  checkConnections(state: State, memory: StateMemory, writes: readonly Write[]): void {
    const touched = new Set<number>();
    for (const { words, index } of writes) {
      if (words.buffer !== memory.connections.buffer) continue;
      if (MADE_OF.has(index % WORDS)) touched.add(Math.floor(index / WORDS));
    }
    const before = this.connections;
    const after = state.connections.words;
    for (let base = WORDS; base < before.length; base += WORDS) {
      const c = base / WORDS;
      if (touched.has(c)) continue;
      const wasLive = before[base] === VALID;
      if (!wasLive && after[base] !== VALID) continue;
      const isSame =
        wasLive &&
        after[base] === VALID &&
        IDENTITY.every((word) => before[base + word] === after[base + word]);
      if (!isSame) {
        const client = `${ipText(before[base + rec.W_CLIENT])}:${before[base + rec.W_PORTS] >>> 16}`;
        const [was, is] = [before, after].map((words) =>
          words.slice(base, base + SHOWN_WORDS).join(' '),
        );
        throw new Violation('records', `record ${c} of ${client}: was ${was}, is ${is}`);
      }
    }
  }
}

/** Services and servers without anything that counts or flows, in their order. */
export async function configurationOf(server: VirtualServer): Promise<string> {
  const services = await server.services();
  const lines = services.map(({ destinations, ...service }) => {
    const servers = destinations.map(({ address, port, weight, upperThreshold, lowerThreshold }) =>
      [address, port, weight, upperThreshold, lowerThreshold].join(' '),
    );
    return `${JSON.stringify({ ...service, statistics: undefined })} ${servers.join(', ')}`;
  });
  return lines.join('\n');
}

/** A copy of all tables. */
export function copyMemory(memory: StateMemory): StateMemory {
  const copies = Object.entries(memory).map(([name, { buffer }]) => [
    name,
    { buffer: buffer.slice(0) },
  ]);
  return Object.fromEntries(copies) as StateMemory;
}
