import assert from 'node:assert/strict';
import { DROP_NAMES, dropReason } from '../../../dataplane/drops.js';
import { ACK, SYN } from '../../../dataplane/wire/tcp.js';
import type { Counters } from '../../../src/control/api.js';
import { NoDirectorError } from '../../../src/control/client.js';
import type { OpenControl } from '../../../src/tools/command.js';
import { run } from '../../../src/tools/status.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  Clock,
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
  testDirector,
  VIP,
} from '../../support/director.js';
import { tcpFrame } from '../../support/frames.js';

const INTERFACE = {
  name: 'eth0',
  receivedFrames: 1_234_567,
  sentFrames: 7,
  handedBackFrames: 0,
  ringDrops: 0,
  synDrops: 12,
  sendCalls: 0,
  backPressure: 0,
  sendErrors: 0,
};

describe('uvs status', () => {
  let director: VirtualServer;
  let interfaces: Counters['interfaces'];

  beforeEach(async () => {
    director = testDirector(new Clock(), { capacity: { connections: 1 << 12 } });
    interfaces = [];
    await director.addService(serviceKey(), serviceSettings());
    await director.addDestination(serviceKey(), destinationKey(11), destinationSettings());
  });

  function send(sourcePort: number, flags: number): void {
    const end = { source: '10.1.0.2', sourcePort, destination: VIP, destinationPort: 80 };
    const frame = tcpFrame({ ...end, flags });
    director.engine.process(frame, 0, frame.length, 0, 0, 0);
  }

  async function status(...words: string[]) {
    const output = { exitCode: 0, stdout: '', stderr: '' };
    const control = {
      counters: async () => ({ ...(await director.counters()), interfaces }),
      close: () => undefined,
    } as unknown as OpenControl;
    output.exitCode = await run(words, {
      stdout: { write: (text) => (output.stdout += text) },
      stderr: { write: (text) => (output.stderr += text) },
      open: async () => control,
    });
    return output;
  }

  it('says how full the tables are', async () => {
    for (let port = 1000; port < 1041; port++) send(port, SYN);
    for (let port = 1000; port < 1010; port++) send(port, ACK);
    const { stdout, exitCode } = await status();
    assert.equal(exitCode, 0);
    assert.match(stdout, /^ {2}connections +41 of 4 096 \(1\.0 %\), 31 half open$/m);
    assert.match(stdout, /^ {2}services +1 of 16 384 /m);
    assert.match(stdout, /^ {2}real servers +1 of 65 536 /m);
    assert.match(stdout, /^Defences in effect\n {2}none$/m);
  });

  it('says what was dropped, what that means and what to do', async () => {
    await director.setSetting('am_droprate', 1);
    await director.setSetting('drop_packet', 3);
    for (let port = 1000; port < 1003; port++) send(port, SYN);
    const { stdout } = await status();
    assert.match(stdout, /^ {2}3 drop_packet\n {4}a new connection, dropped .*\n {4}-> the table/m);
    assert.match(stdout, /^ {2}never: truncated_ip, /m);
    assert.doesNotMatch(/never:.*?\n\n/s.exec(stdout)?.[0] ?? '', /drop_packet/);
    assert.match(stdout, /^Defences in effect\n {2}drop_packet$/m);
  });

  it('shows the interfaces, and what was lost there', async () => {
    interfaces = [INTERFACE];
    const { stdout } = await status();
    assert.match(stdout, /received +sent +handed back +ring drops +SYN drops +send errors\n/);
    assert.match(stdout, /^ {2}eth0 +1 234 567 +7 +0 +0 +12 +0$/m);
    assert.match(stdout, /^ {2}12 SYN drops of eth0\n {4}SYNs that/m);
  });

  it('has words for every reason there is', async () => {
    for (const name of DROP_NAMES.slice(1)) director.state.drops.count(dropReason(name));
    const { stdout } = await status();
    for (const name of DROP_NAMES.slice(1)) {
      assert.match(stdout, new RegExp(`^ {2}1 ${name}\\n {4}\\S.*\\n {4}-> \\S`, 'm'));
    }
    assert.ok(stdout.split('\n').every((line) => line.length <= 100));
  });

  it('prints JSON for programs, with reasons that never occurred', async () => {
    const { stdout } = await status('--json');
    const counters = JSON.parse(stdout) as Counters;
    assert.deepEqual(Object.keys(counters.drops), DROP_NAMES.slice(1));
    assert.deepEqual(counters.connections, { used: 0, capacity: 4096, halfOpen: 0 });
    assert.deepEqual(counters.fragmentedPackets, { used: 0, capacity: 64 });
  });

  it('says that there is no director, and refuses words it does not know', async () => {
    let stderr = '';
    const exitCode = await run([], {
      stderr: { write: (text) => (stderr += text) },
      open: () => Promise.reject(new NoDirectorError('no director')),
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, /Start one with uvsd/);
    assert.equal((await status('--yaml')).exitCode, 2);
  });
});
