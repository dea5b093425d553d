import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROBE = fileURLToPath(new URL('../../support/allocation-probe.ts', import.meta.url));
/** The smallest object is 16 bytes: one per packet would be 16 MB. What is left are the compiler's notes. */
const ALLOWED_BYTES = 1_000_000;

describe('the packet path', () => {
  it('allocates nothing in a million packets, nor in 40 000 new connections, nor in a flood', async () => {
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', PROBE],
      { env },
    );
    const { established, opening, flood } = JSON.parse(stdout) as Record<string, number>;
    assert.ok(established < ALLOWED_BYTES, `${established} bytes for a million packets`);
    assert.ok(opening < ALLOWED_BYTES / 2, `${opening} bytes for 40 000 connections`);
    assert.ok(flood < ALLOWED_BYTES, `${flood} bytes for a million SYNs`);
  });
});
