import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_FRAMES, RING_FILTERS, ringFilter } from '../../../../dataplane/driver/ring-filters.js';
import { buildFilter } from '../../../../dataplane/sys/filter.js';
import { assemble, move, R1, R6 } from '../../../../dataplane/sys/fastpath/assembler.js';
import { loadProgram, SOCKET_FILTER } from '../../../../dataplane/sys/fastpath/kernel-objects.js';
import { skippingFilter } from '../../../../dataplane/sys/fastpath/programs.js';
import { translate } from '../../../../dataplane/sys/fastpath/translate.js';
import { close } from '../../../../dataplane/sys/libc.js';
import { runBpf } from '../../../support/bpf.js';
import { ProgramRunner, requireBpf } from '../../../support/bpf-run.js';
import { KernelFlows } from '../../../support/flow-kernel.js';
import { address, tcpFrame } from '../../../support/frames.js';

/** As the kernel has the frames of its test runs. */
const OURS = { packetType: 0, vlanTagPresent: false };
const PORTS = [80, 443];
const HOSTS = ['10.2.0.11', '10.2.0.12', '10.2.0.13'];
const ENDPOINTS = {
  virtual: PORTS.map((port) => ({ address: address('10.1.0.100'), port })),
  real: HOSTS.map((host) => ({ address: address(host), port: 8080 })),
};
const FILTER = buildFilter(ENDPOINTS).program;

const edit = fc.record({
  at: fc.oneof(fc.constantFrom(12, 14, 20, 21, 23, 47), fc.nat(60)),
  value: fc.oneof(fc.constantFrom(0x45, 0x46, 0x02, 0x12, 1, 6), fc.nat(255)),
});
const frame = fc
  .record({
    source: fc.constantFrom('10.1.0.2', ...HOSTS),
    sourcePort: fc.constantFrom(8080, 8081),
    destination: fc.constantFrom('10.1.0.100', '10.1.0.2'),
    destinationPort: fc.constantFrom(80, 81, 443),
    flags: fc.constantFrom(0x02, 0x12, 0x10),
    payload: fc.constantFrom(0, 1, 100, 2000).map((length) => new Uint8Array(length)),
    edits: fc.array(edit, { maxLength: 2 }),
    length: fc.oneof(fc.constant(5000), fc.integer({ min: 14, max: 70 })),
  })
  .map(({ edits, length, ...ends }) => {
    const bytes = tcpFrame(ends);
    for (const { at, value } of edits) if (at < bytes.length) bytes[at] = value;
    return bytes.subarray(0, length);
  });

describe('classic filters in eBPF', () => {
  let runner: ProgramRunner;
  const descriptors: number[] = [];
  before(function () {
    requireBpf(this);
    runner = new ProgramRunner();
  });
  after(() => descriptors.forEach((fd) => close(fd)));

  function loaded(program: Uint8Array): number {
    const fd = loadProgram('uvs_test', SOCKET_FILTER, program);
    descriptors.push(fd);
    return fd;
  }

  it('keep of every frame what the classic ones keep of it', () => {
    const filters = [...RING_FILTERS.map((ring) => ringFilter(ring, FILTER)), FILTER].map(
      (classic) => {
        return { classic, fd: loaded(assemble([move(R6, R1), ...translate(classic, 'all')])) };
      },
    );
    fc.assert(
      fc.property(frame, (bytes) => {
        for (const { classic, fd } of filters) {
          const kept = runner.filter(fd, bytes);
          assert.equal(
            Math.min(kept, bytes.length),
            Math.min(runBpf(classic, bytes, OURS), bytes.length),
          );
        }
      }),
      { seed: 20_261_122, numRuns: 2000 },
    );
  });

  it('do so with a search for flows between them, where there are none', () => {
    const flows = new KernelFlows();
    try {
      for (const ring of [0, 1]) {
        const fd = loaded(skippingFilter(flows.map, RING_FILTERS[ring], FILTER));
        const classic = ringFilter(RING_FILTERS[ring], FILTER);
        fc.assert(
          fc.property(frame, (bytes) => {
            assert.equal(runner.filter(fd, bytes) > 0, runBpf(classic, bytes, OURS) > 0);
          }),
          { seed: 20_261_122, numRuns: 500 },
        );
      }
    } finally {
      flows.close();
    }
  });

  it('are taken by the kernel also for as many endpoints as a filter can tell apart', () => {
    const flows = new KernelFlows();
    const real = Array.from({ length: 1200 }, (_, i) => ({
      address: address('10.3.0.0') + i,
      port: 8000 + (i % 7),
    }));
    const { program } = buildFilter({ ...ENDPOINTS, real });
    try {
      assert.ok(loaded(skippingFilter(flows.map, RING_FILTERS[0], program)) > 0);
    } finally {
      flows.close();
    }
  });
});

describe('the translation of classic filters', () => {
  it('refuses an instruction that it does not know', () => {
    // A random number: ld rand.
    const unknown = Buffer.from('2000000038f0ffff0600000000000000', 'hex');
    unknown[0] = 0x60;
    assert.throws(() => translate(unknown, 'x'), /0x60 has no translation/);
  });

  it('leaves out what is never reached, which the kernel would refuse', () => {
    const [first, second] = [ALL_FRAMES, Buffer.concat([ALL_FRAMES, ALL_FRAMES])].map((program) =>
      translate(program, 'x').filter((item) => typeof item !== 'string'),
    );
    assert.equal(second.length, first.length);
  });
});
