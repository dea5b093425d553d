import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Burst, BURST_MAX } from '../../../dataplane/driver/driver.js';
import { PcapFileDriver } from '../../../dataplane/driver/pcapfile.js';
import {
  captureFile,
  type CapturedPacket,
  type CaptureStyle,
  ETHERNET,
  RAW,
  SLL,
  SLL2,
  temporaryFolder,
} from './capture-files.js';

const PCAP: CaptureStyle = {
  format: 'pcap',
  bigEndian: false,
  unitsPerSecond: 1e6,
  linkType: ETHERNET,
};
const PCAPNG: CaptureStyle = { ...PCAP, format: 'pcapng' };
const IP = [0x45, 0, 0, 20, 1, 2, 3, 4];
const SENDER = [2, 0, 0, 0, 0, 7];

const cookedPacket = (kind: number) =>
  Uint8Array.of(0, kind, 0, 1, 0, 6, ...SENDER, 0, 0, 0x08, 0x00, ...IP);
const cooked2Packet = (kind: number) =>
  Uint8Array.of(0x08, 0x00, 0, 0, 0, 0, 0, 3, 0, 1, kind, 6, ...SENDER, 0, 0, ...IP);

/** Reads everything, a burst at a time. */
function readAll(driver: PcapFileDriver): { bytes: number[]; port: number; time: string }[] {
  const burst = new Burst();
  const frames = [];
  while (driver.receive(burst) > 0) {
    for (let i = 0; i < burst.count; i++) {
      const start = burst.offset[i];
      frames.push({
        bytes: Array.from(driver.memory.slice(start, start + burst.length[i])),
        port: burst.port[i],
        time: `${driver.seconds[i]}.${String(driver.nanoseconds[i]).padStart(9, '0')}`,
      });
    }
    driver.release(burst);
  }
  driver.close();
  return frames;
}

describe('pcapfile driver', () => {
  const folder = temporaryFolder();
  const read = (style: CaptureStyle, packets: CapturedPacket[]) =>
    readAll(new PcapFileDriver({ input: folder.write(captureFile(style, packets)) }));

  for (const format of ['pcap', 'pcapng', 'pcapng-old'] as const) {
    for (const bigEndian of [false, true]) {
      for (const unitsPerSecond of [1e6, 1e9]) {
        const order = bigEndian ? 'big' : 'little';
        it(`reads ${format}, ${order}-endian, ${unitsPerSecond} units a second`, () => {
          const style: CaptureStyle = { format, bigEndian, unitsPerSecond, linkType: ETHERNET };
          const frames = read(style, [
            { bytes: Uint8Array.of(1, 2, 3), seconds: 1_700_000_000, nanoseconds: 123_456_000 },
            { bytes: Uint8Array.of(4), seconds: 4_000_000_000, nanoseconds: 999_999_000 },
          ]);
          assert.deepEqual(frames, [
            { bytes: [1, 2, 3], port: 0, time: '1700000000.123456000' },
            { bytes: [4], port: 0, time: '4000000000.999999000' },
          ]);
        });
      }
    }
  }

  it('reads simple packet blocks, which have no time', () => {
    const style = { ...PCAPNG, format: 'pcapng-simple' as const };
    assert.deepEqual(read(style, [{ bytes: Uint8Array.of(1, 2, 3) }]), [
      { bytes: [1, 2, 3], port: 0, time: '0.000000000' },
    ]);
  });

  it('keeps nanoseconds', () => {
    const style = { ...PCAPNG, unitsPerSecond: 1e9 };
    const packet = { bytes: Uint8Array.of(1), seconds: 1_700_000_000, nanoseconds: 123_456_789 };
    assert.equal(read(style, [packet])[0].time, '1700000000.123456789');
  });

  it('makes raw IP an Ethernet frame', () => {
    for (const format of ['pcap', 'pcapng', 'pcapng-simple'] as const) {
      const style = { ...PCAP, format, linkType: RAW };
      const frames = read(style, [
        { bytes: Uint8Array.from(IP) },
        { bytes: Uint8Array.of(0x60, 1, 2) },
      ]);
      assert.deepEqual(
        frames.map((frame) => frame.bytes),
        [
          [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00, ...IP],
          [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd, 0x60, 1, 2],
        ],
      );
    }
  });

  it('makes cooked captures Ethernet frames', () => {
    for (const [linkType, cooked] of [
      [SLL, cookedPacket],
      [SLL2, cooked2Packet],
    ] as const) {
      const frames = read(
        { ...PCAP, linkType },
        [0, 1, 3].map((kind) => ({ bytes: cooked(kind) })),
      );
      assert.deepEqual(
        frames.map((frame) => frame.bytes),
        [
          [2, 0, 0, 0, 0, 0, ...SENDER, 0x08, 0x00, ...IP],
          [255, 255, 255, 255, 255, 255, ...SENDER, 0x08, 0x00, ...IP],
          [2, 0, 0, 0, 0, 3, ...SENDER, 0x08, 0x00, ...IP],
        ],
      );
    }
  });

  it('passes over what the capturing host sent itself, and says how much', () => {
    const outgoing = cookedPacket(4);
    const input = folder.write(captureFile({ ...PCAP, linkType: SLL }, [{ bytes: outgoing }]));
    const driver = new PcapFileDriver({ input });
    assert.deepEqual(readAll(driver), []);
    assert.equal(driver.passedOver, 1);
  });

  it('passes over cooked packets cut off in their header', () => {
    const input = folder.write(
      captureFile({ ...PCAP, linkType: SLL2 }, [{ bytes: new Uint8Array(19) }]),
    );
    const driver = new PcapFileDriver({ input });
    assert.deepEqual(readAll(driver), []);
    assert.equal(driver.passedOver, 1);
  });

  it('tells a packet’s length before it was cut', () => {
    const input = folder.write(captureFile(PCAP, [{ bytes: Uint8Array.of(1, 2), length: 1500 }]));
    const driver = new PcapFileDriver({ input });
    driver.receive(new Burst());
    assert.equal(driver.originalLength[0], 1500);
    driver.close();
  });

  it('takes the interface as the port, or as one says', () => {
    const bytes = captureFile(PCAPNG, [
      { bytes: Uint8Array.of(1), interface: 1 },
      { bytes: Uint8Array.of(2), interface: 0 },
    ]);
    const input = folder.write(bytes);
    const asTheyAre = new PcapFileDriver({ input });
    assert.deepEqual(
      readAll(asTheyAre).map((frame) => frame.port),
      [1, 0],
    );
    const asOneSays = new PcapFileDriver({ input, portOfInterface: (index) => 5 - index });
    assert.deepEqual(
      readAll(asOneSays).map((frame) => frame.port),
      [4, 5],
    );
  });

  it('reads sections of different byte orders one after the other', () => {
    const little = captureFile(PCAPNG, [{ bytes: Uint8Array.of(1) }]);
    const big = captureFile({ ...PCAPNG, bigEndian: true }, [{ bytes: Uint8Array.of(2) }]);
    const driver = new PcapFileDriver({ input: folder.write(Buffer.concat([little, big])) });
    assert.deepEqual(
      readAll(driver).map((frame) => frame.bytes),
      [[1], [2]],
    );
  });

  it('reads a file much larger than its window, and leaves a burst’s frames alone', () => {
    const packets = Array.from({ length: 3000 }, (_, i) => ({
      bytes: new Uint8Array(1 + ((i * 37) % 3000)).fill(i),
      nanoseconds: i * 1000,
    }));
    for (const style of [PCAP, PCAPNG]) {
      const frames = read(style, packets);
      assert.equal(frames.length, packets.length);
      frames.forEach((frame, i) => {
        assert.deepEqual(Uint8Array.from(frame.bytes), packets[i].bytes);
      });
    }
  });

  it('has room for an Ethernet header wherever a raw packet comes to lie in its window', () => {
    const packets = Array.from({ length: 3000 }, (_, i) => ({
      bytes: new Uint8Array(900).fill(i).fill(0x45, 0, 1),
    }));
    const frames = read({ ...PCAP, format: 'pcapng-simple', linkType: RAW }, packets);
    assert.equal(frames.length, packets.length);
    frames.forEach((frame, i) => {
      assert.deepEqual(frame.bytes.slice(12, 14), [0x08, 0x00]);
      assert.deepEqual(Uint8Array.from(frame.bytes.slice(14)), packets[i].bytes);
    });
  });

  it('passes over a block larger than its window', () => {
    const file = captureFile(PCAPNG, [{ bytes: Uint8Array.of(1) }]);
    const large = Buffer.alloc(3 << 20);
    large.writeUInt32LE(0xbad, 0);
    large.writeUInt32LE(large.length, 4);
    const withLarge = Buffer.concat([file, large, file]);
    const driver = new PcapFileDriver({ input: folder.write(withLarge) });
    assert.deepEqual(
      readAll(driver).map((frame) => frame.bytes),
      [[1], [1]],
    );
  });

  it('writes what is sent, with the time of what was received, so that it can be read again', () => {
    const input = folder.write(
      captureFile(PCAP, [
        { bytes: Uint8Array.of(1, 2), seconds: 10, nanoseconds: 1000 },
        { bytes: Uint8Array.of(3), seconds: 11, nanoseconds: 2000 },
      ]),
    );
    const output = folder.path('out.pcap');
    const driver = new PcapFileDriver({ input, output });
    const burst = new Burst();
    driver.receive(burst);
    driver.memory[burst.offset[0]] = 9;
    driver.send(burst, 0, 1);
    driver.sendCopy(Uint8Array.of(7, 7, 7), 0, 3, 0, 0);
    driver.flush();
    driver.release(burst);
    driver.close();
    assert.deepEqual(readAll(new PcapFileDriver({ input: output })), [
      { bytes: [9, 2], port: 0, time: '10.000001000' },
      { bytes: [7, 7, 7], port: 0, time: '11.000002000' },
    ]);
    assert.deepEqual([driver.stats(0).sentFrames, driver.stats(1).sentFrames], [1, 1]);
    assert.equal(driver.stats(0).receivedFrames, 2);
  });

  it('writes files larger than its buffer', () => {
    const packets = Array.from({ length: 2000 }, (_, i) => ({
      bytes: new Uint8Array(900).fill(i),
    }));
    const output = folder.path('out.pcap');
    const driver = new PcapFileDriver({ input: folder.write(captureFile(PCAP, packets)), output });
    const burst = new Burst();
    while (driver.receive(burst) > 0) {
      for (let i = 0; i < burst.count; i++) driver.send(burst, i, 0);
      driver.release(burst);
    }
    driver.close();
    const written = readAll(new PcapFileDriver({ input: output }));
    assert.equal(written.length, packets.length);
    written.forEach((frame, i) => {
      assert.deepEqual(Uint8Array.from(frame.bytes), packets[i].bytes);
    });
  });

  it('writes an empty capture where nothing was sent', () => {
    const output = folder.path('out.pcap');
    const driver = new PcapFileDriver({ input: folder.write(captureFile(PCAP, [])), output });
    readAll(driver);
    assert.equal(readFileSync(output).length, 24);
  });

  it('knows when all was received', () => {
    const packets = Array.from({ length: BURST_MAX }, () => ({ bytes: Uint8Array.of(1) }));
    const driver = new PcapFileDriver({ input: folder.write(captureFile(PCAP, packets)) });
    const burst = new Burst();
    assert.equal(driver.receive(burst), BURST_MAX);
    assert.equal(driver.ended, false);
    driver.release(burst);
    assert.equal(driver.receive(burst), 0);
    assert.equal(driver.ended, true);
    driver.close();
  });

  describe('says what is wrong with', () => {
    const whole = captureFile(PCAP, [{ bytes: new Uint8Array(100) }]);
    const wholeNg = captureFile(PCAPNG, [{ bytes: new Uint8Array(100) }]);
    const huge = Buffer.from(whole);
    huge.writeUInt32LE(300_000, 32);
    const odd = Buffer.from(wholeNg);
    odd.writeUInt32LE(29, 4);
    const stranger = captureFile(PCAPNG, [{ bytes: Uint8Array.of(1), interface: 2 }]);
    for (const [what, bytes, message] of [
      ['an empty file', Buffer.alloc(0), /too short for a capture/],
      ['some other file', Buffer.from('GIF89a and so on'), /neither a pcap nor a pcapng/],
      ['half a header', whole.subarray(0, 20), /file header is cut off/],
      ['an unknown link type', captureFile({ ...PCAP, linkType: 105 }, []), /link type 105/],
      ['half a record header', whole.subarray(0, 30), /a record is cut off \(at byte 24\)/],
      ['half a packet', whole.subarray(0, 90), /a record is cut off \(at byte 24\)/],
      ['an enormous packet', huge, /a packet of 300000 bytes \(at byte 24\)/],
      ['half a block', wholeNg.subarray(0, wholeNg.length - 40), /a block is cut off/],
      ['a block of odd length', odd, /a block of 29 bytes/],
      ['an unknown interface', stranger, /interface 2, which is not described/],
    ] as const) {
      it(what, () => {
        const input = folder.write(bytes);
        assert.throws(
          () => readAll(new PcapFileDriver({ input })),
          (error: Error) => {
            assert.equal(error.name, 'CaptureError');
            assert.match(error.message, message);
            assert.ok(error.message.startsWith(input));
            return true;
          },
        );
      });
    }

    it('a file that is not there', () => {
      assert.throws(() => new PcapFileDriver({ input: folder.path('none') }), /ENOENT/);
    });
  });
});
