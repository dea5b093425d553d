import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCapture } from '../../../dataplane/driver/capture/open.js';
import { connect } from '../../../src/control/client.js';
import type { ControlServer } from '../../../src/control/server.js';
import { encode } from '../../../src/control/protocol.js';
import { run } from '../../../src/tools/trace.js';
import { TracedControl } from '../../support/traced-control.js';
import { ACK, SYN, TracedDirector, traceRequest } from '../../support/tracing.js';

describe('uvs trace', () => {
  let folder: string;
  let director: TracedDirector;
  let control: TracedControl;
  let server: ControlServer;
  let output: { stdout: string; stderr: string };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-trace-'));
    director = await TracedDirector.create();
    control = new TracedControl(director);
    server = await control.serve(folder);
    output = { stdout: '', stderr: '' };
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** Resolves when the director is asked this for the next time. */
  function asked(question: string): Promise<void> {
    return new Promise((resolve) => {
      control.onAsked = (what) => {
        if (what === question) resolve();
      };
    });
  }

  /** Runs it until its end; `traffic` comes once it has begun. */
  async function trace(words: string[], traffic = () => {}, interruption?: AbortSignal) {
    const begun = asked('fetchTrace').then(traffic);
    const exit = await run(words, {
      stdout: { write: (text) => (output.stdout += text) },
      stderr: { write: (text) => (output.stderr += text) },
      open: () => connect(join(folder, 'control.sock')),
      ...(interruption === undefined ? {} : { interruption }),
    });
    control.onAsked = () => {};
    return { exit, begun };
  }

  /** A connection's beginning. */
  function handshake(): void {
    director.fromClient(SYN);
    director.fromServer(12, SYN | ACK);
    director.fromClient(ACK);
  }

  it('shows packets, a line each, and the numbers in the end', async () => {
    const { exit } = await trace(['--count', '3', 'client=10.1.0.2'], handshake);
    assert.equal(exit, 0);
    const lines = output.stdout.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} (outer|inner) 10\./);
    assert.ok(Math.max(...lines.map((line) => line.length)) <= 120, output.stdout);
    assert.equal(
      output.stderr,
      'tracing client=10.1.0.2; at most 200 a second; Ctrl-C ends it\n3 packets matched, 3 shown, 0 left out\n',
    );
  });

  it('says how many it has left out', async () => {
    const end = new AbortController();
    await trace(
      ['--rate', '2'],
      () => {
        handshake();
        control.onAsked = () => end.abort();
      },
      end.signal,
    );
    assert.equal(output.stdout.split('\n').length, 3);
    assert.match(output.stderr, /\n\.\.\. 1 more matched and were left out \(--rate\)\n/);
    assert.match(output.stderr, /\n3 packets matched, 2 shown, 1 left out\n$/);
  });

  it('prints JSON, packets and then the numbers', async () => {
    await trace(['--json', '--count', '2'], handshake);
    const [packet, , counts] = output.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    assert.deepEqual(packet, {
      number: 1,
      time: new Date(director.nowMs).toISOString(),
      interface: 'outer',
      packet: '10.1.0.2:4000 > 10.1.0.100:80 S 0',
      decision: 'sent',
      reason: null,
      why: null,
      connection: {
        client: '10.1.0.2:4000',
        virtual: '10.1.0.100:80',
        server: '10.2.0.12:8080',
        service: '10.1.0.100:80',
        chosenBy: 'rr',
        before: null,
        after: 'SYN_RECV',
      },
      sent: [{ interface: 'inner', packet: '10.1.0.2:4000 > 10.2.0.12:8080 S 0' }],
      waitsFor: null,
    });
    assert.deepEqual(counts, { matched: 2, shown: 2, leftOut: 0 });
  });

  it('writes both sides of each packet to a file', async () => {
    const path = join(folder, 'trace.pcapng');
    await trace(['--pcap', path, '--count', '2'], handshake);
    const reader = openCapture(path);
    const destinations: number[] = [];
    while (reader.next(false)) destinations.push(reader.memory[reader.offset + 33]);
    reader.close();
    // VIP, server; client, client.
    assert.deepEqual(destinations, [100, 12, 2, 2]);
  });

  it('adds up what it knows where the data plane was replaced', async () => {
    const end = new AbortController();
    await trace(
      [],
      () => {
        director.fromClient(SYN);
        let fetches = 0;
        control.onAsked = (question) => {
          if (question !== 'fetchTrace') return;
          fetches++;
          if (fetches === 1) control.deaths = 1;
          if (fetches === 2) director.fromClient(ACK);
          if (fetches === 3) end.abort();
        };
      },
      end.signal,
    );
    assert.match(output.stderr, /\.\.\. the trace began anew: the data plane was replaced, or/);
    assert.match(output.stderr, /matched, \d shown, 0 left out\n$/);
  });

  it('leaves nothing running where its reader is gone without a word', async () => {
    const socket = connectSocket(join(folder, 'control.sock'));
    const params = { request: traceRequest() };
    const begun = asked('fetchTrace');
    socket.write(encode({ id: 1, method: 'trace', params }));
    await begun;
    const ended = asked('endTrace');
    socket.destroy();
    await ended;
  });

  const WRONG: [string[], RegExp][] = [
    [['10.1.0.2'], /uvs trace: '10\.1\.0\.2' is no filter/],
    [['--rate', '0'], /--rate must be a whole number from 1 to 10000, not '0'/],
    [['--count', 'many'], /--count must be a whole number from 1 to 4294967295, not 'many'/],
    [['--duration', '1.5'], /--duration must be a whole number from 1 to 86400/],
    [['--snaplen', '200'], /--snaplen is for --pcap/],
    [['--pcap', 'x', '--snaplen', '20'], /--snaplen must be a whole number from 128 to 65536/],
    [['--nonsense'], /Unknown option '--nonsense'/],
  ];
  for (const [words, message] of WRONG) {
    it(`refuses ${words.join(' ')}`, async () => {
      const { exit } = await trace(words);
      assert.equal(exit, 2);
      assert.match(output.stderr, message);
      assert.match(output.stderr, /Try `uvs trace --help`/);
    });
  }

  it('says why it can’t write, and that there are too many', async () => {
    const there = await trace(['--pcap', join(folder, 'no', 'such.pcapng')]);
    assert.equal(there.exit, 1);
    assert.match(output.stderr, /uvs trace: ENOENT/);
    for (let id = 1001; id <= 1004; id++) director.traces.begin(id, traceRequest());
    assert.equal((await trace([])).exit, 1);
    assert.match(output.stderr, /uvs trace: there are 4 traces already/);
    // It is said to be tracing once packets are looked at, and not before.
    assert.doesNotMatch(output.stderr, /^tracing/m);
  });
});
