import assert from 'node:assert/strict';
import { Outlet } from '../../../../dataplane/driver/pcap/outlet.js';
import { SegmentSizes } from '../../../../dataplane/driver/pcap/segment-sizes.js';
import { Sender } from '../../../../dataplane/driver/pcap/sender.js';
import { noStats } from '../../../../dataplane/driver/stats.js';
import { OFFLOAD_GSO_SHIFT, OFFLOAD_PARTIAL_CHECKSUM } from '../../../../dataplane/offload.js';
import { read16, write16 } from '../../../../dataplane/wire/bytes.js';
import { address, ETHERNET, expectedTcpChecksum, IP, tcpFrame } from '../../../support/frames.js';

const ACK = 0x10;
const PARTIAL = OFFLOAD_PARTIAL_CHECKSUM;
const SEGMENTED = 1 << OFFLOAD_GSO_SHIFT;
const HEADERS = ETHERNET + IP + 20;
const CHECKSUM = ETHERNET + IP + 16;
const ROOM = 100_000;
const PORT = 3;
const CLIENT = address('10.1.0.2');

function frame(payloadBytes: number): Uint8Array {
  return tcpFrame({
    source: '10.1.0.100',
    sourcePort: 80,
    destination: '10.1.0.2',
    destinationPort: 1024,
    flags: ACK,
    payload: Uint8Array.from({ length: payloadBytes }, (_, i) => i),
  });
}

describe('a frame on its way to a wire', () => {
  let memory: Uint8Array;
  let sizes: SegmentSizes;
  let asked: number[];
  let sender: Sender;

  beforeEach(() => {
    memory = new Uint8Array(2 * ROOM);
    sizes = new SegmentSizes();
    asked = [];
    sender = new Sender(memory, ROOM, sizes, (destination, port) => {
      asked = [destination, port];
      return 1500;
    });
  });

  function sent(bytes: Uint8Array, offload: number): Uint8Array[] {
    const frames: Uint8Array[] = [];
    memory.set(bytes, 50);
    const sink = { send: (sentFrame: Uint8Array) => void frames.push(sentFrame.slice()) };
    sender.send(50, bytes.length, offload, PORT, sink);
    return frames;
  }

  it('goes as it is where nothing is left to do, right or wrong', () => {
    const bytes = frame(3000);
    bytes[HEADERS] ^= 1;
    assert.deepEqual(sent(bytes, 0), [bytes]);
  });

  it('gets the checksum that it lacks', () => {
    const bytes = frame(1001);
    const partial = Uint8Array.from(bytes);
    write16(partial, CHECKSUM, 0x1234);
    assert.deepEqual(sent(partial, PARTIAL | SEGMENTED), [bytes]);
    assert.deepEqual(sent(partial, PARTIAL), [bytes]);
  });

  it('is cut into what fits through the way it takes', () => {
    const bytes = frame(3000);
    const frames = sent(bytes, PARTIAL | SEGMENTED);
    assert.deepEqual(asked, [CLIENT, PORT]);
    assert.deepEqual(
      frames.map(({ length }) => length - HEADERS),
      [1460, 1460, 80],
    );
    for (const one of frames) assert.equal(read16(one, CHECKSUM), expectedTcpChecksum(one));
    const payload = Buffer.concat(frames.map((one) => one.subarray(HEADERS)));
    assert.deepEqual(new Uint8Array(payload), bytes.slice(HEADERS));
  });

  it('is cut into what the other end takes, less for options', () => {
    const syn = tcpFrame({
      source: '10.1.0.2',
      sourcePort: 1024,
      destination: '10.1.0.100',
      destinationPort: 80,
      flags: 0x02,
      payload: Uint8Array.of(2, 4, 1000 >> 8, 1000 & 0xff),
    });
    syn[ETHERNET + IP + 12] = 0x60;
    sizes.learnFromSyn(syn, ETHERNET, 1500);
    const bytes = frame(2012);
    // The first twelve bytes are options.
    bytes[ETHERNET + IP + 12] = 0x80;
    const lengths = sent(bytes, SEGMENTED).map(({ length }) => length - HEADERS - 12);
    assert.deepEqual(lengths, [988, 988, 24]);
  });
});

describe('the way out', () => {
  const stats = noStats();
  let isOpen = true;
  const taken: number[] = [];
  const outlet = new Outlet(
    {
      inject: (bytes) => {
        if (isOpen) taken.push(bytes[0]);
        return isOpen;
      },
    },
    stats,
  );
  const bytes = new Uint8Array(100);
  const send = (mark: number) => {
    bytes[0] = mark;
    outlet.send(bytes);
  };

  it('keeps what the network has no room for, and the order', () => {
    send(1);
    isOpen = false;
    send(2);
    send(3);
    isOpen = true;
    send(4);
    assert.deepEqual([taken, outlet.length, stats.backPressure], [[1], 3, 1]);
    outlet.flush();
    assert.deepEqual([taken, outlet.length, stats.sentFrames], [[1, 2, 3, 4], 0, 4]);
  });

  it('counts what it has no room for itself', () => {
    isOpen = false;
    for (let i = 0; i < 600; i++) send(i);
    assert.deepEqual([outlet.length, stats.sendErrors], [512, 88]);
  });

  it('gives up frames that are refused again and again', () => {
    for (let i = 0; i < 999; i++) outlet.flush();
    assert.equal(outlet.length, 512);
    outlet.flush();
    assert.deepEqual([outlet.length, stats.sendErrors], [0, 600]);
    isOpen = true;
    send(5);
    assert.equal(taken.at(-1), 5);
  });
});
