import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { CaptureError } from '../../dataplane/driver/capture/reader.js';
import { Burst, type Driver } from '../../dataplane/driver/driver.js';
import { FaultDriver } from '../../dataplane/driver/fault.js';
import { MemoryDriver } from '../../dataplane/driver/memory.js';
import { PcapFileDriver } from '../../dataplane/driver/pcapfile.js';
import { captureFile, ETHERNET } from '../unit/driver/capture-files.js';

/** More than the bursts of any test here: a burst of which all is lost looks like none. */
const QUIET_ROUNDS = 20;

/** Frames of a driver until it is quiet, as hex. */
function drain(driver: Driver): string[] {
  const burst = new Burst();
  const frames: string[] = [];
  for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
    if (driver.receive(burst) > 0) quiet = 0;
    for (let i = 0; i < burst.count; i++) {
      const start = burst.offset[i];
      const bytes = driver.memory.slice(start, start + burst.length[i]);
      frames.push(Buffer.from(bytes).toString('hex'));
    }
    driver.release(burst);
  }
  return frames;
}

const style = fc.record({
  format: fc.constantFrom('pcap' as const, 'pcapng', 'pcapng-old', 'pcapng-simple'),
  bigEndian: fc.boolean(),
  unitsPerSecond: fc.constantFrom(1e6, 1e9),
  linkType: fc.constant(ETHERNET),
});
const packets = fc.array(fc.record({ bytes: fc.uint8Array({ maxLength: 200 }) }), {
  maxLength: 150,
});

describe('drivers, any input', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-drivers-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const open = (bytes: Uint8Array) => {
    const input = join(folder, 'in');
    writeFileSync(input, bytes);
    return new PcapFileDriver({ input });
  };

  it('pcapfile gives back the packets of any capture', () => {
    fc.assert(
      fc.property(style, packets, (ofStyle, content) => {
        const driver = open(captureFile(ofStyle, content));
        const expected = content.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
        assert.deepEqual(drain(driver), expected);
        driver.close();
      }),
    );
  });

  it('pcapfile reads a damaged capture up to the damage, and says so or not, but never fails otherwise', () => {
    const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(style, packets, damage, fc.nat(3000), (ofStyle, content, changes, cut) => {
        const bytes = captureFile(ofStyle, content).subarray(0, cut);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        let driver: PcapFileDriver | undefined;
        try {
          driver = open(bytes);
          drain(driver);
        } catch (error) {
          assert.ok(error instanceof CaptureError, String(error));
        } finally {
          driver?.close();
        }
      }),
      { numRuns: 500 },
    );
  });

  it('fault accounts for every frame', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    const rates = fc.record({ drop: rate, duplicate: rate, reorder: rate });
    fc.assert(
      fc.property(fc.integer(), rates, fc.nat(700), (seed, receive, count) => {
        const inner = new MemoryDriver({ frameBytes: 16 });
        const driver = new FaultDriver(inner, { seed, receive, frameBytes: 16 });
        for (let i = 0; i < count; i++) inner.queue(0, Uint8Array.of(i >> 8, i));
        const received = drain(driver);
        const { dropped, duplicated } = driver.faults.received;
        assert.equal(received.length, count - dropped + duplicated);
        assert.equal(new Set(received).size, count - dropped);
      }),
    );
  });
});
