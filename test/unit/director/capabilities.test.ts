import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { capabilityAdvice, missingCapabilities } from '../../../src/director/capabilities.js';

const status = (effective: string): string =>
  `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\n`;

describe('capabilities', () => {
  it('finds what is missing in the effective set', () => {
    assert.deepEqual(missingCapabilities(status('000001ffffffffff')), []);
    assert.deepEqual(missingCapabilities(status('0000000000003000')), []);
    assert.deepEqual(missingCapabilities(status('0000000000001000')), ['CAP_NET_RAW']);
    assert.deepEqual(missingCapabilities(status('0000000000002000')), ['CAP_NET_ADMIN']);
    assert.deepEqual(missingCapabilities(status('0000000000000000')), [
      'CAP_NET_ADMIN',
      'CAP_NET_RAW',
    ]);
  });

  it('reads this process’s own', () => {
    assert.ok(Array.isArray(missingCapabilities()));
  });

  it('names what is missing and the ways to give it', () => {
    const advice = capabilityAdvice(['CAP_NET_RAW']);
    for (const part of [
      'lacks CAP_NET_RAW:',
      'root',
      '--cap-add NET_RAW',
      'AmbientCapabilities=',
    ]) {
      assert.ok(advice.includes(part), part);
    }
  });
});
