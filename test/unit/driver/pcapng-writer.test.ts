import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCapture } from '../../../dataplane/driver/capture/open.js';
import { PcapngWriter } from '../../../dataplane/driver/capture/pcapng-writer.js';
import { tcpFrame } from '../../support/frames.js';

const FRAME = tcpFrame({
  source: '10.1.0.2',
  sourcePort: 4000,
  destination: '10.1.0.100',
  destinationPort: 80,
  flags: 2,
  payload: Buffer.from('odd'),
});
const AT_MS = 1_700_000_000_123.456;

describe('a pcapng file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvs-pcapng-'));
  const path = join(folder, 'trace.pcapng');
  let writer: PcapngWriter;
  beforeEach(() => (writer = new PcapngWriter(path, 'uvs test', 65_536)));
  afterEach(() => writer.close());
  after(() => rmSync(folder, { recursive: true }));

  function write(name: string, direction: 'in' | 'out', bytes: Uint8Array, comment = ''): void {
    writer.write({
      interface: name,
      direction,
      atMs: AT_MS,
      bytes,
      lengthBytes: FRAME.length,
      comment,
    });
  }

  function read() {
    const reader = openCapture(path);
    const packets = [];
    while (reader.next(false)) {
      const { memory, offset, length, originalLength, interfaceIndex, seconds, nanoseconds } =
        reader;
      const bytes = memory.slice(offset, offset + length);
      packets.push({ bytes, originalLength, interfaceIndex, atNs: [seconds, nanoseconds] });
    }
    reader.close();
    return packets;
  }

  it('is read back as it was written: frames, times, lengths, interfaces', () => {
    write('ext0', 'in', FRAME, '1 in: a comment');
    write('int0', 'out', FRAME.subarray(0, 41), 'ü');
    write('ext0', 'in', FRAME);
    writer.close();
    const [whole, cut, last] = read();
    assert.deepEqual(whole.bytes, FRAME);
    assert.deepEqual(whole.atNs, [1_700_000_000, 123_456_000]);
    assert.deepEqual([cut.bytes.length, cut.originalLength], [41, FRAME.length]);
    assert.deepEqual(
      [whole, cut, last].map(({ interfaceIndex }) => interfaceIndex),
      [0, 1, 0],
    );
  });

  it('can be read along: what was flushed is there', () => {
    write('ext0', 'in', FRAME);
    assert.equal(readFileSync(path).length, 0);
    writer.flush();
    assert.equal(read().length, 1);
    write('int0', 'out', FRAME);
    writer.flush();
    assert.equal(read().length, 2);
  });

  it('is one to tcpdump, with interfaces, directions and comments', function () {
    write('ext0', 'in', FRAME, '1 in: a comment');
    write('int0', 'out', FRAME, '1 out');
    writer.close();
    const { error, stdout, stderr } = spawnSync('tcpdump', ['-nvv', '-r', path], {
      encoding: 'utf8',
    });
    if (error !== undefined) {
      process.stdout.write('      skipped: there is no tcpdump\n');
      this.skip();
    }
    assert.match(stderr, /reading from file .*link-type EN10MB/);
    assert.equal(stdout.match(/10\.1\.0\.2\.4000 > 10\.1\.0\.100\.80: .*\(correct\)/g)?.length, 2);
    assert.doesNotMatch(stdout, /incorrect|bad/);
    const text = readFileSync(path).toString('latin1');
    for (const part of ['ext0', 'int0', '1 in: a comment', '1 out', 'uvs test']) {
      assert.ok(text.includes(part), part);
    }
  });
});
