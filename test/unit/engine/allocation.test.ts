import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NO_COLLECTION } from '../../support/heap-growth.js';

const PROBE = 'allocation-probe.ts';
const FAST_PATH_PROBE = 'fast-path-probe.ts';
/** The smallest object is 16 bytes: one per packet would be 16 MB, one per connection 640 kB. */
const ALLOWED_BYTES = 500_000;

describe('the packet path', () => {
  it('allocates nothing in a million packets, nor in 40 000 new connections, nor in a flood', async () => {
    const { established, opening, flood } = await growth(PROBE);
    assert.ok(established < ALLOWED_BYTES, `${established} bytes for a million packets`);
    assert.ok(opening < ALLOWED_BYTES / 5, `${opening} bytes for 40 000 connections`);
    assert.ok(flood < ALLOWED_BYTES, `${flood} bytes for a million SYNs`);
  });

  it('allocates nothing for what the kernel forwards: reports, counters, flows, and connections that it opens', async () => {
    const found = await growth(FAST_PATH_PROBE);
    const { collecting, beginning, opening, opened, connections, packets } = found;
    assert.ok(connections > 1000 && packets > 100_000, `${connections} forwarded ${packets}`);
    assert.ok(collecting < ALLOWED_BYTES, `${collecting} bytes for ${packets} packets`);
    assert.ok(beginning < ALLOWED_BYTES / 5, `${beginning} bytes for 40 000 connections`);
    assert.ok(opened > 20_000, `the kernel has opened ${opened}`);
    assert.ok(opening < ALLOWED_BYTES / 5, `${opening} bytes for ${opened} of the kernel's`);
  });
});

/** Bytes, by what was done meanwhile; and what the probe counts. */
async function growth(probe: string): Promise<Record<string, number>> {
  const path = fileURLToPath(new URL(`../../support/${probe}`, import.meta.url));
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const words = [...NO_COLLECTION, '--import', 'tsx', path];
  const { stdout } = await promisify(execFile)(process.execPath, words, { env });
  return JSON.parse(stdout) as Record<string, number>;
}
