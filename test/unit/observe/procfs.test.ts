import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ACK, SYN } from '../../../dataplane/wire/tcp.js';
import type { Statistics } from '../../../src/control/api.js';
import {
  BEGINNINGS,
  connectionsFile,
  servicesFile,
  statisticsFile,
} from '../../../src/observe/procfs/formats.js';
import { KeptFile } from '../../../src/observe/procfs/kept-file.js';
import { removeLeftFiles } from '../../../src/observe/procfs/leftovers.js';
import { ProcfsWriter } from '../../../src/observe/procfs/writer.js';
import { liveStatisticsOf } from '../../../src/virtual-server/listings.js';
import {
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
} from '../../support/director.js';
import { temporaryFolder } from '../control/memory-control.js';
import { Observed } from './observed.js';

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

describe('a file as in /proc/net', () => {
  it('has services and servers as ip_vs writes them', async () => {
    const { server } = await Observed.open();
    const persistent = serviceSettings({
      scheduler: 'wlc',
      persistent: true,
      timeoutSeconds: 360,
      netmask: '255.255.255.0',
    });
    await server.addService(serviceKey(443), persistent);
    await server.addDestination(
      serviceKey(443),
      destinationKey(10, 8443),
      destinationSettings({ weight: 1000 }),
    );
    const text = await joined(servicesFile(await server.info(), await server.services()));
    assert.equal(
      text,
      `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A010064:0050 rr  
  -> 0A02000D:0050      Masq    1      0          0         
  -> 0A02000C:0050      Masq    1      0          0         
  -> 0A02000B:0050      Masq    1      0          0         
TCP  0A010064:01BB wlc  persistent 36000 FFFFFF00
  -> 0A02000A:20FB      Masq    1000   0          0         
`,
    );
  });

  it('has counters and rates as ip_vs writes them', () => {
    const statistics: Statistics = {
      connections: 0x16aa370,
      inPackets: 0xe33656e5,
      outPackets: 0,
      inBytes: 0x51d8c8883ab3,
      outBytes: 0,
      connectionsPerSecond: 4,
      inPacketsPerSecond: 0x1fb3c,
      outPacketsPerSecond: 0,
      inBytesPerSecond: 0x1282a8f,
      outBytesPerSecond: 0,
    };
    assert.equal(
      statisticsFile(statistics),
      `   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
 16AA370 E33656E5        0     51D8C8883AB3                0

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       4    1FB3C        0          1282A8F                0
`,
    );
  });

  it('has connections as ip_vs writes them', async () => {
    const observed = await Observed.open();
    observed.send(4000, SYN);
    observed.send(50_000, SYN);
    observed.reply(12, 50_000, SYN | ACK);
    observed.send(50_000, ACK);
    const text = await joined(connectionsFile(observed.server.state, observed.clock.read));
    assert.equal(
      text,
      `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A010002 0FA0 0A010064 0050 0A02000D 0050 SYN_RECV         60
TCP 0A010002 C350 0A010064 0050 0A02000C 0050 ESTABLISHED     900
`,
    );
  });

  it('has all of many services and connections', async () => {
    const observed = await Observed.open();
    for (let port = 1; port <= 1000; port++) {
      observed.clock.ticks++;
      observed.send(1024 + port, SYN);
    }
    const { state } = observed.server;
    const lines = (await joined(connectionsFile(state, observed.clock.read))).split('\n');
    assert.equal(lines.length, 1 + state.connections.count + 1);
  });
});

describe('files that a killed director has left', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let net: string;

  beforeEach(() => {
    folder = temporaryFolder();
    net = join(folder.path, 'net');
    mkdirSync(net);
  });
  afterEach(() => folder.remove());

  it('are removed, drafts that were just begun too', async () => {
    const { server, clock } = await Observed.open();
    writeFileSync(
      join(net, 'ip_vs'),
      await joined(servicesFile(await server.info(), await server.services())),
    );
    writeFileSync(join(net, 'ip_vs_stats'), statisticsFile(liveStatisticsOf(server.state, 0)));
    writeFileSync(join(net, 'ip_vs_conn'), await joined(connectionsFile(server.state, clock.read)));
    writeFileSync(join(net, 'ip_vs_conn.new'), '');
    const names = readdirSync(net);
    assert.equal(names.length, 4);
    assert.deepEqual(
      removeLeftFiles(folder.path).toSorted(),
      names.map((name) => join(net, name)).toSorted(),
    );
    assert.deepEqual(readdirSync(net), []);
    assert.deepEqual(removeLeftFiles(join(folder.path, 'nowhere')), []);
  });

  it('are told from whatever else lies there', () => {
    const elsewhere = join(folder.path, 'ours');
    writeFileSync(elsewhere, `${BEGINNINGS.ip_vs_conn}TCP`);
    symlinkSync(elsewhere, join(net, 'ip_vs_conn'));
    writeFileSync(join(net, 'ip_vs'), '');
    writeFileSync(join(net, 'ip_vs.new'), 'IP Virtual Servers of mine');
    mkdirSync(join(net, 'ip_vs_stats'));
    writeFileSync(join(net, 'tcp'), BEGINNINGS.ip_vs);
    const names = readdirSync(net);
    assert.deepEqual(removeLeftFiles(folder.path), []);
    assert.deepEqual(readdirSync(net), names);
    assert.ok(existsSync(elsewhere));
  });
});

describe('a file that is kept', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let path: string;
  let faults: unknown[];
  let content: (() => AsyncIterable<string>) | null;
  let file: KeptFile;

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, 'ip_vs');
    faults = [];
    content = async function* () {
      yield 'first ';
      yield 'second';
    };
    file = new KeptFile({
      path,
      content: () => content?.() ?? null,
      onFault: (error) => faults.push(error),
    });
  });
  afterEach(async () => {
    await file.stop();
    folder.remove();
  });

  it('is there whole or not at all, and goes in the end', async () => {
    let seen: string[] = [];
    content = async function* () {
      yield 'first ';
      seen = readdirSync(folder.path);
      yield 'second';
    };
    await file.refresh();
    assert.deepEqual(seen, ['ip_vs.new']);
    assert.deepEqual(readdirSync(folder.path), ['ip_vs']);
    assert.equal(readFileSync(path, 'utf8'), 'first second');
    await file.stop();
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('is for all to read, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      await file.refresh();
      const directory = join(folder.path, 'deep', 'proc');
      const writer = new ProcfsWriter({
        directory,
        tables: () => null,
        clock: () => 0,
        onFault: (error) => faults.push(error),
      });
      await writer.stop();
      const made = [path, join(directory, 'net'), directory, join(folder.path, 'deep')];
      const modes = made.map((name) => statSync(name).mode & 0o777);
      assert.deepEqual(modes, [0o644, 0o755, 0o755, 0o755]);
    } finally {
      process.umask(umask);
    }
  });

  it('stays as it was while it is written, and where writing fails', async () => {
    writeFileSync(path, 'old');
    content = async function* () {
      yield 'half';
      throw new Error('planted');
    };
    await file.refresh();
    await file.refresh();
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(faults.map(String), ['Error: planted']);
  });

  it('is told once that it can’t be written, and once more after it could', async () => {
    const good = content;
    content = () => {
      throw new Error('planted');
    };
    await file.refresh();
    await file.refresh();
    content = good;
    await file.refresh();
    content = () => {
      throw new Error('again');
    };
    await file.refresh();
    assert.deepEqual(faults.map(String), ['Error: planted', 'Error: again']);
  });

  it('is written nowhere else, whatever links others have laid', async () => {
    const elsewhere = join(folder.path, 'elsewhere');
    writeFileSync(elsewhere, 'precious');
    symlinkSync(elsewhere, `${path}.new`);
    symlinkSync(elsewhere, path);
    await file.refresh();
    assert.equal(readFileSync(elsewhere, 'utf8'), 'precious');
    assert.equal(readFileSync(path, 'utf8'), 'first second');
    assert.deepEqual(faults, []);
  });

  it('isn’t there while there is nothing to say', async () => {
    content = null;
    await file.refresh();
    assert.equal(existsSync(path), false);
    assert.deepEqual(faults, []);
  });

  it('is left to a successor as it is', async () => {
    await file.refresh();
    file.leave();
    assert.equal(readFileSync(path, 'utf8'), 'first second');
  });
});
