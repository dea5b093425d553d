import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { instructionCount } from '../../../dataplane/sys/bpf.js';
import { SysError } from '../../../dataplane/sys/errors.js';
import { applyFilter } from '../../../dataplane/sys/filter.js';

const ENDPOINTS = {
  virtual: [{ address: 1, port: 80 }],
  real: Array.from({ length: 30 }, (_, i) => ({ address: i, port: 100 + i })),
};

/** A kernel with room for so many instructions. */
function kernelWithRoom(instructions: number): { attached: number[]; attach: typeof attach } {
  const attached: number[] = [];
  function attach(program: Uint8Array): void {
    if (instructionCount(program) > instructions) {
      throw new SysError('setsockopt', constants.errno.ENOMEM);
    }
    attached.push(instructionCount(program));
  }
  return { attached, attach };
}

function refuse(): void {
  throw new SysError('setsockopt', constants.errno.EPERM);
}

describe('applying a socket filter', () => {
  it('attaches the finest one', () => {
    const { attached, attach } = kernelWithRoom(4096);
    assert.equal(applyFilter(ENDPOINTS, attach), 'endpoints');
    assert.equal(attached.length, 1);
  });

  it('attaches a coarser one where the kernel has no memory for it', () => {
    const { attached, attach } = kernelWithRoom(200);
    assert.equal(applyFilter(ENDPOINTS, attach), 'addresses');
    assert.equal(attached.length, 1);
    assert.equal(applyFilter(ENDPOINTS, kernelWithRoom(50).attach), 'tcp');
  });

  it('fails where the kernel takes none at all, or for another reason', () => {
    assert.throws(() => applyFilter(ENDPOINTS, kernelWithRoom(1).attach), { code: 'ENOMEM' });
    assert.throws(() => applyFilter(ENDPOINTS, refuse), { code: 'EPERM' });
  });
});
