import assert from 'node:assert/strict';
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../../../dataplane/driver/driver.js';
import {
  readOffload,
  VNET_HEADER_BYTES,
  writeVnetHeader,
} from '../../../dataplane/driver/vnet-header.js';
import { tcpFrame } from '../../support/frames.js';

const ACK = 0x10;
const CWR = 0x80;
const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const segments = (bytes: number) => bytes << OFFLOAD_GSO_SHIFT;

function frame(flags = ACK): Uint8Array {
  return tcpFrame({
    source: '10.1.0.2',
    sourcePort: 1024,
    destination: '10.1.0.100',
    destinationPort: 80,
    flags,
    payload: new Uint8Array(3000),
  });
}

/** Puts a VLAN tag behind the MAC addresses. */
function tagged(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.slice(0, 12), 0x81, 0x00, 0, 7, ...bytes.slice(12)]);
}

/** The header that is written before a frame, with memory around it that must stay as it is. */
function headerFor(bytes: Uint8Array, offload: number): number[] {
  const before = 5;
  const memory = new Uint8Array(before + VNET_HEADER_BYTES + bytes.length).fill(0xee);
  memory.set(bytes, before + VNET_HEADER_BYTES);
  writeVnetHeader(memory, before, before + VNET_HEADER_BYTES, offload);
  assert.deepEqual(memory.slice(0, before), new Uint8Array(before).fill(0xee));
  assert.deepEqual(memory.slice(before + VNET_HEADER_BYTES), bytes);
  return Array.from(memory.slice(before, before + VNET_HEADER_BYTES));
}

describe('virtio-net header', () => {
  it('is all zeros for a complete frame', () => {
    assert.deepEqual(headerFor(frame(), 0), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('says where a partial checksum begins and where it goes', () => {
    assert.deepEqual(headerFor(frame(), PARTIAL), [1, 0, 0, 0, 0, 0, 34, 0, 16, 0]);
    assert.deepEqual(headerFor(tagged(frame()), PARTIAL), [1, 0, 0, 0, 0, 0, 38, 0, 16, 0]);
  });

  it('counts IP options', () => {
    const bytes = frame();
    bytes[14] = 0x48;
    assert.deepEqual(headerFor(bytes, PARTIAL), [1, 0, 0, 0, 0, 0, 46, 0, 16, 0]);
  });

  it('says how a super-segment is to be cut', () => {
    const offload = PARTIAL | segments(1448);
    assert.deepEqual(headerFor(frame(), offload), [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0]);
  });

  it('keeps the congestion mark of a super-segment for its first segment', () => {
    const offload = PARTIAL | segments(1448);
    assert.equal(headerFor(frame(ACK | CWR), offload)[1], 0x81);
  });

  it('is read as the offload word it was written for', () => {
    const offloads = [0, PARTIAL, PARTIAL | segments(1), PARTIAL | segments(0xffff)];
    for (const offload of offloads) {
      assert.equal(readOffload(Uint8Array.from(headerFor(frame(), offload)), 0), offload);
    }
  });

  it('has no segment size where it names no segmentation', () => {
    assert.equal(readOffload(Uint8Array.from([2, 0, 54, 0, 0xa8, 5, 0, 0, 0, 0]), 0), 0);
  });
});
