/** What fuzzing is worth: faults that are planted in the code are found, and soon. */
import assert from 'node:assert/strict';
import { ConnectionTable } from '../../../dataplane/conn/table.js';
import { PcapReader } from '../../../dataplane/driver/capture/pcap.js';
import { Reassembly } from '../../../dataplane/fragments/reassembly.js';
import { Lifecycle } from '../../../dataplane/lifecycle/connections.js';
import { DestinationTable } from '../../../dataplane/service/destinations.js';
import { ServiceTable } from '../../../dataplane/service/services.js';
import { LEAVE } from '../../../dataplane/verdict.js';
import { Fuzzer, type Finding } from '../../../fuzz/fuzzer.js';
import { KINDS } from '../../../fuzz/kinds.js';
import { Random } from '../../../sim/random.js';
import { Engine } from '../../../dataplane/engine.js';
import { ServiceAdmin } from '../../../src/virtual-server/service-admin.js';

const SEED = 1;
/** Runs between two looks whether the fault was found. */
const RUNS = 5;
const TURNS_MAX = 1000;

type Method = (this: any, ...args: any[]) => any;

/** Fuzzes with a method of a class put in another's place, until something is found. */
async function findingWith(
  kind: string,
  owner: { prototype: object },
  name: string,
  fault: (original: Method) => Method,
): Promise<Finding> {
  const prototype = owner.prototype as Record<string, Method>;
  const original = prototype[name];
  const findings: Finding[] = [];
  const target = new KINDS[kind]();
  await target.reset();
  prototype[name] = fault(original);
  try {
    const random = new Random(SEED);
    const fuzzer = new Fuzzer({
      target,
      random,
      shortenMs: 0,
      onFinding: (finding) => findings.push(finding),
    });
    for (let turn = 0; turn < TURNS_MAX && findings.length === 0; turn++) await fuzzer.run(RUNS);
  } finally {
    prototype[name] = original;
    await target.close?.();
  }
  assert.ok(findings.length > 0, 'the fault was not found');
  return findings[0];
}

describe('a planted fault is found by fuzzing', () => {
  it('frames: a byte is written behind the frame', async () => {
    const { error } = await findingWith(
      'frames',
      Engine,
      'process',
      (process) =>
        function (memory: Uint8Array, offset: number, length: number, ...rest) {
          if (length > 40 && memory[offset + 23] === 1) memory[offset + length] ^= 1;
          return process.call(this, memory, offset, length, ...rest);
        },
    );
    assert.match(String(error), /nothing is written outside/);
  });

  it('frames: a byte behind the frame decides', async () => {
    const { error } = await findingWith(
      'frames',
      Engine,
      'process',
      (process) =>
        function (memory: Uint8Array, offset: number, length: number, ...rest) {
          const isShort = length < 60 && memory[offset + length + 20] === 0;
          return isShort ? LEAVE : process.call(this, memory, offset, length, ...rest);
        },
    );
    assert.match(String(error), /depends on nothing outside/);
  });

  it('frames: a connection is counted twice', async () => {
    const { error } = await findingWith(
      'frames',
      Lifecycle,
      'create',
      (create) =>
        function (...args) {
          const connection = create.apply(this, args);
          if (args[4] === 443 && connection !== 0) this.state.destinations.hold(args[5]);
          if (args[4] === 443 && connection !== 0) this.state.destinations.bind(args[5], false);
          return connection;
        },
    );
    assert.match(String(error), /connections of/);
  });

  it('frames: a fragment may lie beyond its slot', async () => {
    await findingWith(
      'frames',
      Reassembly,
      'place',
      () =>
        function (d: number, start: number, end: number) {
          this.received[d] += end - start;
          if (end > 0x8000) throw new RangeError('written beyond the slot');
          return 0;
        },
    );
  });

  for (const table of [ConnectionTable, DestinationTable, ServiceTable]) {
    it(`state: records of a ${table.name} aren't looked at`, async () => {
      await findingWith('state', table, 'isSound', () => () => true);
    });
  }

  it("state: a connection's server isn't looked at", async () => {
    await findingWith('state', Lifecycle, 'isServerThere', () => () => true);
  });

  it("state: a connection's template isn't looked at", async () => {
    await findingWith('state', Lifecycle, 'isController', () => (template: number) => template > 0);
  });

  it("requests: a server's weight isn't edited", async () => {
    const { inputs } = await findingWith(
      'requests',
      ServiceAdmin,
      'editDestination',
      () => () => 1,
    );
    assert.ok(inputs.length >= 1);
  });

  it('requests: a service that is there is added again', async () => {
    await findingWith(
      'requests',
      ServiceAdmin,
      'addService',
      (add) =>
        function (key, settings) {
          if (this.lookup(key) !== 0) this.deleteService(key);
          return add.call(this, key, settings);
        },
    );
  });

  it('rules: a weight is set a little too high', async () => {
    await findingWith(
      'rules',
      DestinationTable,
      'configure',
      (configure) =>
        function (destination, isNew, weight, ...rest) {
          return configure.call(this, destination, isNew, weight + 1, ...rest);
        },
    );
  });

  it('captures: a record may be longer than the file', async () => {
    await findingWith(
      'captures',
      PcapReader,
      'have',
      (have) =>
        function (count, keep, what) {
          return have.call(this, Math.min(count, 30), keep, what);
        },
    );
  });
});
