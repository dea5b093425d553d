import assert from 'node:assert/strict';
import * as rec from '../../../dataplane/conn/record.js';
import { NOTHING_DUE } from '../../../dataplane/conn/wheel.js';
import { dropReason } from '../../../dataplane/drops.js';
import type { Engine } from '../../../dataplane/engine.js';
import { rewriteDestination } from '../../../dataplane/nat/masquerade.js';
import { DROP, LEAVE, makeVerdict, SEND, verdictKind } from '../../../dataplane/verdict.js';
import { applyDifference, difference16 } from '../../../dataplane/wire/checksum.js';
import { read16, write16 } from '../../../dataplane/wire/bytes.js';
import { FAULT_NAMES, type FaultName } from '../../../sim/faults.js';
import { View } from '../../../sim/packet.js';
import { SERVERS } from '../../../sim/site.js';
import { simulate } from '../../../sim/simulation.js';
import type { Rule } from '../../../sim/violation.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';

const WORDS = rec.CONNECTION_LAYOUT.recordWords;
const HOURS = 0.03;
const RUNS_MAX = 12;
const EVERY = 40;

type Process = Engine['process'];
type Edit = (memory: Uint8Array, view: View, offload: number) => void;

/** Simulates with a planted fault until a check finds it. Which rules it breaks; none if it isn't found. */
async function findRule(
  plant: (server: VirtualServer) => void,
  faults: FaultName[] = [],
  hours = HOURS,
): Promise<Rule | undefined> {
  const off = new Set(FAULT_NAMES.filter((name) => !faults.includes(name)));
  for (let seed = 1; seed <= RUNS_MAX; seed++) {
    const { failure } = await simulate({ seed, hours, off, traceLines: 0, plant });
    if (failure === null) continue;
    assert.ok('rule' in failure, failure.stack);
    return failure.rule as Rule;
  }
  return undefined;
}

/** Edits every so many frames that carry payload and are sent on. */
function editing(edit: Edit): (server: VirtualServer) => void {
  return ({ engine }) => {
    const view = new View();
    const process: Process = engine.process.bind(engine);
    let count = 0;
    engine.process = (memory, offset, length, port, offload, now) => {
      const verdict = process(memory, offset, length, port, offload, now);
      if (verdictKind(verdict) !== SEND) return verdict;
      view.read(memory, offset, length);
      if (view.payloadBytes >= 8 && ++count % EVERY === 0) edit(memory, view, offload);
      return verdict;
    };
  };
}

/** Answers with this verdict for every so many frames of services. */
function deciding(verdict: number): (server: VirtualServer) => void {
  return ({ engine }) => {
    const process: Process = engine.process.bind(engine);
    let count = 0;
    engine.process = (...frame) => (++count % EVERY === 0 ? verdict : process(...frame));
  };
}

function swap16(memory: Uint8Array, one: number, other: number): void {
  const kept = read16(memory, one);
  write16(memory, one, read16(memory, other));
  write16(memory, other, kept);
}

/** The last connection that is valid; 0 for none. */
function lastConnection({ state }: VirtualServer): number {
  let c = state.connections.highWater;
  while (c > 0 && !state.connections.isLive(c)) c--;
  return c;
}

/** A fault that is planted, and the rule that is broken by it. */
interface Planted {
  name: string;
  rule: Rule;
  plant: (server: VirtualServer) => void;
  /** Kinds of faults that bring it to light. */
  faults?: FaultName[];
  hours?: number;
}

const PLANTED: Planted[] = [
  {
    name: 'payload that was mixed up behind a right checksum',
    rule: 'bytes',
    plant: editing((memory, view) => swap16(memory, view.payloadAt, view.payloadAt + 6)),
  },
  {
    name: 'a checksum that is wrong',
    rule: 'checksum',
    plant: editing((memory, view) => {
      memory[view.segment + 16] ^= 1;
    }),
  },
  {
    name: "a client's packet that goes to another server",
    rule: 'moved',
    plant: editing((memory, view, offload) => {
      const other = SERVERS.find((server) => server !== view.destination);
      if (other === undefined || !SERVERS.includes(view.destination)) return;
      const { ip, segment, destinationPort } = view;
      rewriteDestination(memory, ip, segment, other, destinationPort, (offload & 1) === 1);
    }),
  },
  {
    name: 'a reset that nobody sent',
    rule: 'reset',
    plant: editing((memory, view, offload) => {
      if (SERVERS.includes(view.destination) || (offload & 1) === 1) return;
      const at = view.segment + 12;
      const before = read16(memory, at);
      write16(memory, at, before | 0x04);
      applyDifference(memory, view.segment + 16, difference16(before, before | 0x04));
    }),
  },
  {
    name: 'a hidden packet that is left to the kernel',
    rule: 'interception',
    plant: deciding(LEAVE),
  },
  {
    name: 'a drop that is not counted',
    rule: 'conservation',
    plant: deciding(makeVerdict(DROP, dropReason('no_route'))),
  },
  {
    name: 'a frame for the wrong machine',
    rule: 'delivery',
    plant: ({ routes }: VirtualServer): void => {
      const write = routes.writeMacs.bind(routes);
      let count = 0;
      routes.writeMacs = (hop, memory, offset) => {
        write(hop, memory, offset);
        if (++count % EVERY === 0) memory[offset + 5] ^= 1;
      };
    },
  },
  {
    name: 'a connection that gets nowhere',
    rule: 'stuck',
    plant: ({ engine, state }: VirtualServer): void => {
      const process: Process = engine.process.bind(engine);
      const view = new View();
      engine.process = (memory, offset, length, port, offload, now) => {
        view.read(memory, offset, length);
        if (view.payloadBytes < 1000) return process(memory, offset, length, port, offload, now);
        state.drops.count(dropReason('no_route'));
        return makeVerdict(DROP, dropReason('no_route'));
      };
    },
  },
  {
    name: 'a record whose mark is missing',
    rule: 'invariant',
    plant: ({ state }: VirtualServer): void => {
      const { connections } = state;
      const commit = connections.commit.bind(connections);
      let count = 0;
      connections.commit = (c) => {
        commit(c);
        if (++count % EVERY === 0) connections.words[c * WORDS] = 0;
      };
    },
  },
  {
    name: 'a connection that expires too early',
    rule: 'lost',
    plant: ({ state, engine }: VirtualServer): void => {
      const { lifecycle } = engine;
      const restart = lifecycle.restartTimer.bind(lifecycle);
      lifecycle.restartTimer = (c, now) => {
        restart(c, now);
        if (c % 8 === 0) state.connections.words[c * WORDS + rec.W_DEADLINE] = (now + 100) | 0;
      };
    },
  },
  {
    name: 'timers that never fire',
    rule: 'bounds',
    plant: ({ state }: VirtualServer): void => {
      state.wheel.next = () => NOTHING_DUE;
    },
  },
  {
    name: 'a rebuild that forgets who controls whom',
    rule: 'invariant',
    faults: ['kill'],
    plant: ({ state, engine }: VirtualServer): void => {
      const { lifecycle } = engine;
      const rebuild = lifecycle.rebuild.bind(lifecycle);
      lifecycle.rebuild = () => {
        const damaged = rebuild();
        for (let c = 1; c <= state.connections.highWater; c++) {
          state.connections.words[c * WORDS + rec.W_CONTROLLER] = 0;
        }
        return damaged;
      };
    },
  },
  {
    name: 'a rebuild that loses a connection',
    rule: 'records',
    faults: ['kill'],
    plant: (server: VirtualServer): void => {
      const { lifecycle } = server.engine;
      const rebuild = lifecycle.rebuild.bind(lifecycle);
      lifecycle.rebuild = () => {
        const c = lastConnection(server);
        if (c !== 0) server.state.connections.words[c * WORDS] = 0;
        return rebuild();
      };
    },
  },
  {
    name: 'a rebuild that confuses two clients',
    rule: 'records',
    faults: ['kill'],
    plant: (server: VirtualServer): void => {
      const { lifecycle } = server.engine;
      const rebuild = lifecycle.rebuild.bind(lifecycle);
      lifecycle.rebuild = () => {
        const c = lastConnection(server);
        if (c !== 0) server.state.connections.words[c * WORDS + rec.W_CLIENT] ^= 1;
        return rebuild();
      };
    },
  },
  {
    name: 'a data plane that leaves a record nobody can have written',
    rule: 'recovery',
    faults: ['kill'],
    plant: (server) => {
      const { lifecycle } = server.engine;
      const rebuild = lifecycle.rebuild.bind(lifecycle);
      lifecycle.rebuild = () => {
        const c = lastConnection(server);
        if (c !== 0) server.state.connections.words[c * WORDS + rec.W_SERVER] = -1;
        return rebuild();
      };
    },
  },
  {
    name: 'a command that a crash cuts in half',
    rule: 'atomicity',
    faults: ['crash'],
    hours: 10 * HOURS,
    plant: ({ state }: VirtualServer): void => {
      state.journal.undo = () => false;
    },
  },
];

describe('a simulation finds', () => {
  it('nothing where nothing was planted', async () => {
    assert.equal(await findRule(() => undefined), undefined);
  });

  for (const { name, rule, plant, faults, hours } of PLANTED) {
    it(name, async () => {
      assert.equal(await findRule(plant, faults, hours), rule);
    });
  }
});
