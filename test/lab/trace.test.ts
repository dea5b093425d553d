import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCapture } from '../../dataplane/driver/capture/open.js';
import { VIP } from '../../lab/plan.js';
import type { LabProcess } from '../../lab/process.js';
import { requestSeries } from '../../lab/traffic.js';
import type { Counters } from '../../src/control/api.js';
import type { TracedPacket } from '../../src/control/trace.js';
import { connectionsOf } from './support/listings.js';
import { eventually, serviceRules, SERVICE, URL, useDirector } from './support/setting.js';
import { talk } from './support/talk.js';

/** As `--json` prints it (packetJson). */
interface PrintedPacket extends Pick<TracedPacket, 'decision' | 'reason' | 'connection'> {
  /** Null for one that had waited. */
  interface: string | null;
  packet: string | null;
  sent: { interface: string; packet: string }[];
}

const RULES = serviceRules('-s rr');
const REQUESTS = 20;

describe('uvs trace', () => {
  const setting = useDirector({ rules: RULES, uvsd: ['--fast-path', 'auto'] });

  /** Begins a trace; resolves when it is on its way. */
  async function trace(...words: string[]): Promise<LabProcess> {
    const { director, directorHost } = setting;
    const logged = director.daemon.log().length;
    const tracing = directorHost.spawn('uvs', ['trace', ...words]);
    await tracing.output(/tracing/);
    await director.daemon.logged(/trace begins/, undefined, logged);
    return tracing;
  }

  it('shows all packets of a connection, and what became of them', async () => {
    const { client, director, directorHost } = setting;
    const file = join(directorHost.folder, 'trace.pcapng');
    const tracing = await trace('client=10.1.0.2', 'vip=:80', '--json', '--pcap', file);
    const talker = talk(client, VIP, 80);
    const [, port] = await talker.output(/connected (\d+)/);
    talker.write('get\n');
    await talker.output(/data/);
    const [listed] = connectionsOf(await director.adm('-Lnc'));
    talker.write('reset\n');
    await talker.done;
    await tracing.output(/"after":"CLOSE"/);
    const { exit, stdout } = await tracing.stop('SIGINT');
    assert.equal(exit, 0);

    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as PrintedPacket);
    const packets = lines.slice(0, -1);
    assert.deepEqual(lines.at(-1), { matched: packets.length, shown: packets.length, leftOut: 0 });
    for (const { connection } of packets) {
      assert.equal(connection?.client, `10.1.0.2:${port}`);
      assert.equal(connection?.virtual, SERVICE);
      assert.equal(connection?.server, listed.destination);
    }
    assert.equal(packets[0].connection?.chosenBy, 'rr');
    const states = packets.map(({ connection }) => connection?.after);
    assert.deepEqual([...new Set(states)], ['SYN_RECV', 'ESTABLISHED', 'CLOSE']);
    // Each side's data packets, whole and sent on: the fast path has left them alone.
    const data = packets.filter(
      ({ packet, decision }) => decision === 'sent' && / P\. \d/.test(packet ?? ''),
    );
    assert.deepEqual(
      data.map((packet) => [packet.interface, packet.sent[0].interface]),
      [
        ['ext0', 'int0'],
        ['int0', 'ext0'],
      ],
    );
    await checkCapture(file, packets);
  });

  /** Both sides of all packets are in the file, and tcpdump finds nothing wrong with them. */
  async function checkCapture(file: string, packets: readonly PrintedPacket[]): Promise<void> {
    const reader = openCapture(file);
    let frames = 0;
    while (reader.next(false)) frames++;
    reader.close();
    const cameLate = packets.filter((packet) => packet.interface === null).length;
    const sent = packets.reduce((sum, packet) => sum + packet.sent.length, 0);
    assert.equal(frames, packets.length - cameLate + sent);
    const text = await setting.directorHost.output('tcpdump', ['-nvv', '-r', file]);
    assert.equal(text.match(/Flags .*cksum 0x[0-9a-f]+ \(correct\)/g)?.length, frames);
    assert.doesNotMatch(text, /incorrect|bad cksum/);
    assert.match(readFileSync(file).toString('latin1'), /1 in: .*new connection/);
  }

  it('samples, and says so', async () => {
    const tracing = await trace('--rate', '1', '--duration', '2');
    await requestSeries(setting.client, URL, REQUESTS);
    const { exit, stdout, stderr } = await tracing.done;
    assert.equal(exit, 0);
    const [, ...numbers] =
      /(\d+) packets matched, (\d+) shown, (\d+) left out\n$/.exec(stderr) ?? [];
    const [matched, shown, leftOut] = numbers.map(Number);
    assert.ok(matched > REQUESTS, stderr);
    assert.equal(matched, shown + leftOut);
    assert.equal(stdout.trimEnd().split('\n').length, shown);
    assert.ok(shown <= 4, stdout);
    assert.match(stderr, /\.\.\. \d+ more matched and were left out \(--rate\)/);
  });

  it('shows what is refused, and nothing else', async () => {
    const { client, director } = setting;
    const tracing = await trace('drop=no_destination', '--count', '1');
    await requestSeries(client, URL, 1);
    const servers = RULES.split('\n').filter((line) => line.startsWith('-a'));
    for (const line of servers) await director.adm(line.replace('-a', '-d').replace(/ -m.*/, ''));
    const { exit } = await client.run('curl', ['--silent', URL]);
    assert.notEqual(exit, 0);
    const { stdout } = await tracing.done;
    await director.adm('-R', { input: servers.join('\n') });
    assert.match(
      stdout,
      /^\S+ ext0 10\.1\.0\.2:\d+ > 10\.1\.0\.100:80 S 0 {2}refused: no_destination, 10\.1\.0\.100 > 10\.1\.0\.2 ICMP error 3\/3\n$/,
    );
  });

  it('goes on in the data plane that follows one that has ended', async () => {
    const { client, director } = setting;
    const tracing = await trace('vip=:80');
    const [, pid] = await director.daemon.logged(/data plane open pid=(\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    await tracing.output(/the trace began anew/);
    await requestSeries(client, URL, 1);
    await tracing.output(/new connection/);
    await tracing.stop('SIGINT');
  });

  it('costs nothing once its reader is gone: the kernel forwards by itself again', async function () {
    const { client, director } = setting;
    const talker = talk(client, VIP, 80);
    await talker.output(/connected/);
    const begun = director.daemon.log().length;
    const tracing = await trace('drop');
    assert.ok((await framesFor(talker)) >= REQUESTS);
    await tracing.stop('SIGKILL');
    await director.daemon.logged(/trace ends/, undefined, begun);
    if (/no fast path/.test(director.daemon.log())) {
      process.stdout.write('      skipped: there is no fast path here\n');
      this.skip();
    }
    const frames = await eventually(
      () => framesFor(talker),
      (count) => count < REQUESTS / 2,
    );
    await talker.stop();
    assert.ok(frames < REQUESTS / 2, `${frames} frames`);
  });

  /** Frames that come to the data plane while a client makes some requests on its connection. */
  async function framesFor(talker: LabProcess): Promise<number> {
    const before = await received();
    for (let i = 0; i < REQUESTS; i++) {
      talker.stdout = '';
      talker.write('get\n');
      await talker.output(/data/);
    }
    return (await received()) - before;
  }

  async function received(): Promise<number> {
    const text = await setting.directorHost.output('uvs', ['status', '--json']);
    const { interfaces } = JSON.parse(text) as Counters;
    return interfaces.reduce((sum, { receivedFrames }) => sum + receivedFrames, 0);
  }
});
