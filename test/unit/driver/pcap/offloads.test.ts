import assert from 'node:assert/strict';
import { recognizeOffload, wholeTcpPacket } from '../../../../dataplane/driver/pcap/offloads.js';
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../../../../dataplane/offload.js';
import { read16, write16 } from '../../../../dataplane/wire/bytes.js';
import { tcpPseudoSum } from '../../../../dataplane/wire/checksum.js';
import { address, ETHERNET, expectedTcpChecksum, IP, tcpFrame } from '../../../support/frames.js';

const ACK = 0x10;
const MTU = 1500;
const SEGMENT = ETHERNET + IP;
const CHECKSUM = SEGMENT + 16;
const PAYLOAD = SEGMENT + 20;
const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const SEGMENTED = 1 << OFFLOAD_GSO_SHIFT;

function frame(payloadBytes: number): Uint8Array {
  return tcpFrame({
    source: '10.1.0.2',
    sourcePort: 1024,
    destination: '10.1.0.100',
    destinationPort: 80,
    flags: ACK,
    payload: new Uint8Array(payloadBytes).fill(0x41),
  });
}

function pseudoSum(bytes: Uint8Array): number {
  return tcpPseudoSum(address('10.1.0.2'), address('10.1.0.100'), bytes.length - SEGMENT);
}

function partial(payloadBytes: number): Uint8Array {
  const bytes = frame(payloadBytes);
  write16(bytes, CHECKSUM, pseudoSum(bytes));
  return bytes;
}

function recognize(bytes: Uint8Array): number {
  assert.equal(wholeTcpPacket(bytes, 0, bytes.length), ETHERNET);
  return recognizeOffload(bytes, ETHERNET, MTU);
}

describe('what a captured frame leaves to a network card', () => {
  it('is nothing where the checksum is right', () => {
    assert.equal(recognize(frame(1000)), 0);
    assert.equal(recognize(frame(0)), 0);
  });

  it('is nothing where the checksum is wrong: the receiver is to find that out', () => {
    const bytes = frame(1000);
    bytes[PAYLOAD] ^= 1;
    assert.equal(recognize(bytes), 0);
  });

  it('is the checksum where there is the sum of the pseudo-header', () => {
    assert.equal(recognize(partial(0)), PARTIAL);
  });

  it('is the checksum and perhaps segmentation where there is data, too', () => {
    assert.equal(recognize(partial(100)), PARTIAL | SEGMENTED);
    assert.equal(recognize(partial(60_000)), PARTIAL | SEGMENTED);
  });

  it('is nothing where the right checksum happens to be the sum of the pseudo-header', () => {
    const bytes = frame(2);
    const wanted = pseudoSum(bytes);
    let word = 0;
    while (read16(bytes, CHECKSUM) !== wanted) {
      write16(bytes, PAYLOAD, word++);
      write16(bytes, CHECKSUM, expectedTcpChecksum(bytes));
    }
    assert.equal(recognize(bytes), 0);
  });

  it('is segmentation where a packet with a right checksum is longer than its network allows', () => {
    assert.equal(recognize(frame(1460)), 0);
    assert.equal(recognize(frame(1461)), SEGMENTED);
  });

  it('is nothing where such a long packet is damaged', () => {
    const bytes = frame(3000);
    bytes[PAYLOAD] ^= 1;
    assert.equal(recognize(bytes), 0);
  });
});

describe('a whole TCP packet', () => {
  const cases: Record<string, (bytes: Uint8Array) => void> = {
    'another protocol': (bytes) => write16(bytes, 12, 0x86dd),
    'another version': (bytes) => (bytes[ETHERNET] = 0x65),
    'an IP header that is too short': (bytes) => (bytes[ETHERNET] = 0x44),
    'a total length beyond the frame': (bytes) => write16(bytes, ETHERNET + 2, 141),
    'a total length without room for TCP': (bytes) => write16(bytes, ETHERNET + 2, 39),
    UDP: (bytes) => (bytes[ETHERNET + 9] = 17),
    'a first fragment': (bytes) => write16(bytes, ETHERNET + 6, 0x2000),
    'a later fragment': (bytes) => write16(bytes, ETHERNET + 6, 1),
    'a TCP header that is too short': (bytes) => (bytes[SEGMENT + 12] = 0x40),
    'a TCP header beyond the packet': (bytes) => write16(bytes, ETHERNET + 2, 59),
  };

  it('is recognized, with padding behind it or not', () => {
    const bytes = frame(100);
    assert.equal(wholeTcpPacket(bytes, 0, bytes.length), ETHERNET);
    write16(bytes, ETHERNET + 2, 130);
    assert.equal(wholeTcpPacket(bytes, 0, bytes.length), ETHERNET);
  });

  for (const [what, spoil] of Object.entries(cases)) {
    it(`isn't ${what}`, () => {
      const bytes = frame(100);
      if (what === 'a TCP header beyond the packet') bytes[SEGMENT + 12] = 0xf0;
      spoil(bytes);
      assert.equal(wholeTcpPacket(bytes, 0, bytes.length), -1);
    });
  }

  it('is nothing shorter than its headers', () => {
    const bytes = frame(0);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(wholeTcpPacket(bytes, 0, length), -1);
    }
  });
});
