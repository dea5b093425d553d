import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { replayCapture } from '../../../../src/tools/replay/capture/command.js';
import { Progress } from '../../../../src/tools/replay/capture/progress.js';
import { captureFile, ETHERNET, temporaryFolder } from '../../driver/capture-files.js';
import { tcpFrame } from '../../../support/frames.js';

const PACKETS = 5000;
const CLEAR_LINE = '\r\x1b[K';

describe('a long replay of a capture', () => {
  const folder = temporaryFolder();

  /** Replays many packets; `onOutput` and `onTerminal` are called at each write. */
  async function replay(options: {
    isTTY: boolean;
    onOutput?: (text: string) => void | Promise<void>;
    onTerminal?: (text: string) => void;
    interrupt?: AbortController;
  }) {
    const ends = { source: '10.1.0.2', destination: '10.1.0.100', destinationPort: 80 };
    const bytes = tcpFrame({ ...ends, sourcePort: 4000, flags: 0x10 });
    const style = { format: 'pcap', bigEndian: false, unitsPerSecond: 1e6 } as const;
    const packets = Array.from({ length: PACKETS }, () => ({ bytes }));
    const pcap = folder.write(captureFile({ ...style, linkType: ETHERNET }, packets));
    writeFileSync(folder.path('rules'), '-A -t 10.1.0.100:80 -s rr\n');
    return replayCapture(
      {
        rules: folder.path('rules'),
        pcap,
        out: null,
        explain: true,
        json: false,
        local: [],
        set: [],
      },
      {
        write: (text) => options.onOutput?.(text),
        stderr: { isTTY: options.isTTY, write: (text: string) => options.onTerminal?.(text) },
        interrupt: (options.interrupt ?? new AbortController()).signal,
      },
    );
  }

  it('ends with a summary of what was read when it is interrupted', async () => {
    const interrupt = new AbortController();
    let text = '';
    const exitCode = await replay({
      isTTY: false,
      interrupt,
      onOutput: (piece) => {
        text += piece;
        interrupt.abort();
      },
    });
    assert.equal(exitCode, 130);
    const [, count] = /^(\d+) packets in .*, not to the end of the capture$/m.exec(text) ?? [];
    assert.ok(Number(count) > 0 && Number(count) < PACKETS, count);
    assert.match(text, new RegExp(`left to the kernel +${count} `));
  });

  it('waits for a slow reader before it goes on', async () => {
    let waiting = 0;
    await replay({
      isTTY: false,
      onOutput: async () => {
        assert.equal(++waiting, 1);
        await new Promise(setImmediate);
        waiting -= 1;
      },
    });
  });

  it('tells a terminal how far it is, and leaves nothing behind', async () => {
    const shown: string[] = [];
    await replay({ isTTY: true, onTerminal: (text) => shown.push(text) });
    assert.ok(shown[0].startsWith(CLEAR_LINE));
    assert.match(shown[0].slice(CLEAR_LINE.length), /^\d+ %, \d+ packets$/);
    assert.equal(shown.at(-1), CLEAR_LINE);
    await replay({ isTTY: false, onTerminal: (text) => assert.fail(text) });
  });

  it('shows progress a few times a second and not for each packet', () => {
    const shown: string[] = [];
    let now = 0;
    const terminal = { isTTY: true, write: (text: string) => shown.push(text) };
    const progress = new Progress(terminal, 200, () => now);
    for (now = 0; now <= 1000; now += 50) progress.show(now / 5, now);
    assert.deepEqual(
      shown.map((text) => text.replace(CLEAR_LINE, '')),
      [0, 200, 400, 600, 800, 1000].map((ms) => `${ms / 10} %, ${ms} packets`),
    );
  });
});
