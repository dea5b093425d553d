import assert from 'node:assert/strict';
import { SegmentSizes } from '../../../../dataplane/driver/pcap/segment-sizes.js';
import { write16, write32 } from '../../../../dataplane/wire/bytes.js';
import { PROTOCOL_ICMP, writeHeader } from '../../../../dataplane/wire/ipv4.js';
import { address, ETHERNET, IP, tcpFrame } from '../../../support/frames.js';

const SYN = 0x02;
const ACK = 0x10;
const MTU = 1500;
const PLAIN = 1460;
const CLIENT = '10.1.0.2';
const VIP = '10.1.0.100';

/** A SYN of the client, with these options. */
function syn(options: number[]): Uint8Array {
  const bytes = tcpFrame({
    source: CLIENT,
    sourcePort: 1024,
    destination: VIP,
    destinationPort: 80,
    flags: SYN,
    payload: Uint8Array.from(options),
  });
  bytes[ETHERNET + IP + 12] = ((20 + options.length) / 4) << 4;
  return bytes;
}

/** An ICMP error about a packet of the service to the client. */
function error(type: number, code: number, mtu: number): Uint8Array {
  const about = tcpFrame({
    source: VIP,
    sourcePort: 80,
    destination: CLIENT,
    destinationPort: 1024,
    flags: ACK,
  });
  const icmp = ETHERNET + IP;
  const quoted = about.slice(ETHERNET, ETHERNET + IP + 8);
  const bytes = new Uint8Array(icmp + 8 + quoted.length);
  write16(bytes, 12, 0x0800);
  const total = bytes.length - ETHERNET;
  const router = address('10.1.0.9');
  writeHeader(bytes, ETHERNET, 0, total, 0, 0, 64, PROTOCOL_ICMP, router, address(VIP));
  bytes[icmp] = type;
  bytes[icmp + 1] = code;
  write16(bytes, icmp + 6, mtu);
  bytes.set(quoted, icmp + 8);
  return bytes;
}

const learnError = (sizes: SegmentSizes, bytes: Uint8Array): void =>
  sizes.learnFromError(bytes, 0, bytes.length);

function limitToClient(sizes: SegmentSizes, clientPort = 1024): number {
  const ports = (80 << 16) | clientPort;
  return sizes.limit(address(VIP), address(CLIENT), ports, PLAIN);
}

describe('segment sizes', () => {
  let sizes: SegmentSizes;
  beforeEach(() => {
    sizes = new SegmentSizes();
  });

  it('are what the network allows where nothing is known', () => {
    assert.equal(limitToClient(sizes), PLAIN);
  });

  it('are at most what the other end has announced, wherever among its options', () => {
    sizes.learnFromSyn(syn([2, 4, 0x05, 0x50]), ETHERNET, MTU);
    assert.equal(limitToClient(sizes), 1360);
    sizes.learnFromSyn(syn([4, 2, 1, 1, 3, 3, 7, 2, 4, 0x02, 0x18, 0]), ETHERNET, MTU);
    assert.equal(limitToClient(sizes), 536);
  });

  it('of other connections and of the other direction are as they were', () => {
    sizes.learnFromSyn(syn([2, 4, 0x05, 0x50]), ETHERNET, MTU);
    assert.equal(limitToClient(sizes, 1025), PLAIN);
    const ports = (1024 << 16) | 80;
    assert.equal(sizes.limit(address(CLIENT), address(VIP), ports, PLAIN), PLAIN);
  });

  it('are no longer limited once the same ends meet anew and announce more', () => {
    sizes.learnFromSyn(syn([2, 4, 0x05, 0x50]), ETHERNET, MTU);
    sizes.learnFromSyn(syn([2, 4, 0x05, 0xb4]), ETHERNET, MTU);
    assert.equal(limitToClient(sizes), PLAIN);
  });

  it('never become so small that nothing moves', () => {
    sizes.learnFromSyn(syn([2, 4, 0, 0]), ETHERNET, MTU);
    assert.equal(limitToClient(sizes), 88);
  });

  it('stay as they are whatever nonsense stands among the options', () => {
    for (const options of [
      [1, 2, 4, 5],
      [2, 0, 0, 0],
      [9, 200, 0, 0],
      [0, 2, 4, 1],
      [2, 3, 1, 0],
    ]) {
      sizes.learnFromSyn(syn([...options, ...Array(4 - options.length).fill(0)]), ETHERNET, MTU);
      assert.equal(limitToClient(sizes), PLAIN, options.join(' '));
    }
  });

  it('follow a router that says what fits, and the smallest that was said', () => {
    learnError(sizes, error(3, 4, 1400));
    assert.equal(limitToClient(sizes), 1360);
    learnError(sizes, error(3, 4, 1450));
    assert.equal(limitToClient(sizes), 1360);
    learnError(sizes, error(3, 4, 1300));
    assert.equal(limitToClient(sizes), 1260);
  });

  it('follow no other error, none about another protocol, none that is cut off or absurd', () => {
    learnError(sizes, error(3, 3, 1400));
    learnError(sizes, error(11, 4, 1400));
    learnError(sizes, error(3, 4, 0));
    const udp = error(3, 4, 1400);
    udp[ETHERNET + IP + 8 + 9] = 17;
    learnError(sizes, udp);
    const short = error(3, 4, 1400);
    for (let length = 0; length < short.length - 4; length++)
      sizes.learnFromError(short, 0, length);
    const notIcmp = error(3, 4, 1400);
    notIcmp[ETHERNET + 9] = 17;
    learnError(sizes, notIcmp);
    assert.equal(limitToClient(sizes), PLAIN);
  });

  it('forget the oldest where there is no room, and nothing else', () => {
    for (let i = 0; i < 100_000; i++) {
      const bytes = syn([2, 4, 0x05, 0x50]);
      write32(bytes, ETHERNET + 12, 0x0b00_0000 + i);
      sizes.learnFromSyn(bytes, ETHERNET, MTU);
    }
    const last = 0x0b00_0000 + 99_999;
    assert.equal(sizes.limit(address(VIP), last, (80 << 16) | 1024, PLAIN), 1360);
    assert.equal(limitToClient(sizes), PLAIN);
  });
});
