import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACK } from '../../dataplane/wire/tcp.js';
import { Director } from '../../lab/director.js';
import type { Host } from '../../lab/host.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, VIP } from '../../lab/plan.js';
import { requestSeries } from '../../lab/traffic.js';
import { startWebServers } from '../../lab/webserver.js';
import { int32 } from '../../src/tools/doctor/host.js';
import { FrameSender } from '../../src/tools/doctor/probe/frame-socket.js';
import { tcpFrame } from '../../src/tools/doctor/probe/packets.js';
import { BREAKAGES } from './support/breakages.js';
import { assertFound, assertHealthy, examine, withProcNet } from './support/examined.js';
import { eventually, requireRoot, serviceRules, URL } from './support/setting.js';
import { inNamespace } from './support/namespace.js';

const RULES = serviceRules('-s rr');
const WITHOUT_SOCKETS = join(import.meta.dirname, 'support', 'without-sockets.mjs');
const AF_PACKET = 17;
const NETLINK_NETFILTER = '16:12';
const [EPROTONOSUPPORT, EAFNOSUPPORT] = [93, 97];

/*
 *     client 10.1.0.2 ── ext0 director int0 ── switch ── server1 10.2.0.11, server2, server3
 */
describe('uvs doctor', () => {
  let lab: Lab;
  let host: Host;
  let director: Director;

  before(async function () {
    requireRoot(this);
    const commands = ['nft', 'curl', 'iptables-legacy', 'iptables-nft'];
    lab = Lab.up({ id: 'doctor', numbered: true, plan: natPlan(), commands });
    host = lab.host('director');
    await startWebServers(lab);
    await startDirector();
  });
  after(() => lab?.down());

  async function startDirector(...args: string[]): Promise<void> {
    director = await Director.start(host, args);
    await director.adm('-R', { input: RULES });
    await requestSeries(lab.host('client'), URL, 6);
  }

  it('finds nothing on a healthy gateway, and leaves nothing on it', async () => {
    const before = await Promise.all([
      director.adm('-Lnc'),
      host.output('nft', ['list', 'ruleset']),
    ]);
    assertHealthy(await examine(host));
    const result = await examine(host, ['--probe']);
    assertHealthy(result);
    const names = result.report.checks.map(({ name }) => name);
    for (const name of [
      'virtual-addresses',
      'servers',
      'return-path',
      'probe-answers',
      'probe-mtu',
    ]) {
      assert.ok(names.includes(name), name);
    }
    const after = await Promise.all([
      director.adm('-Lnc'),
      host.output('nft', ['list', 'ruleset']),
    ]);
    assert.equal(linesOf(after[0]), linesOf(before[0]));
    assert.equal(withoutCounters(after[1]), withoutCounters(before[1]));
    for (const machine of lab.all('server')) {
      assert.equal(await machine.output('ss', ['-Htn', 'state', 'syn-recv']), '');
    }
  });

  it('says for people what it says for programs', async () => {
    await shell(host, ['sysctl -qw net.ipv4.ip_forward=0']);
    const { exit, stdout } = await host.run('uvs', ['doctor', '--quiet']);
    await shell(host, ['sysctl -qw net.ipv4.ip_forward=1']);
    assert.equal(exit, 3);
    assert.match(
      stdout,
      /^warning +ip-forward +net\.ipv4\.ip_forward is 0.*\n(.*\n)*? +# sysctl -w net\.ipv4\.ip_forward=1\n$/,
    );
  });

  for (const breakage of BREAKAGES) {
    it(`finds ${breakage.what}`, async () => {
      const { words, mendOn = 'director', after = [] } = breakage;
      try {
        await shell(lab.host(breakage.breakOn ?? 'director'), breakage.break);
        const { command } = assertFound(await examine(host, words), breakage);
        if (mendOn === null) return;
        await shell(lab.host(mendOn), [command]);
        // Where nothing is put back the next test tells whether it is mended: it would find this as well.
        if (after.length > 0) assertHealthy(await examine(host, words));
      } finally {
        await shell(host, after.map(namespacesIn));
      }
    });
  }

  /** "ip netns exec SERVER1 ..." names hosts of the lab. */
  function namespacesIn(command: string): string {
    return command.replace(/netns exec ([A-Z]+\d?)/, (_, name: string) => {
      return `netns exec ${lab.host(name.toLowerCase()).namespace}`;
    });
  }

  it('finds nothing in rules with sets that let pass what must', async () => {
    const servers = 'set s { type ipv4_addr; flags interval; elements = { 10.2.0.8/29 }; }; ';
    const forward = 'type filter hook forward priority 0; policy drop;';
    const egress = 'type filter hook egress device int0 priority 0; policy drop;';
    await shell(host, [
      `nft 'table inet f { ${servers} chain c { ${forward} ct state vmap { established : accept, invalid : drop }; ip saddr @s tcp dport != { 1-442, 444-65535 } accept; }; }'`,
      `nft 'table netdev f { ${servers} chain c { ${egress} ip daddr @s tcp dport { 80, 443 } accept; ether type arp accept; }; }'`,
      // Its contents change with every packet.
      `nft 'table ip g { set r { type ipv4_addr; flags dynamic; }; chain c { type filter hook forward priority 0; ip saddr != @r drop; }; }'`,
    ]);
    const result = await examine(host);
    await shell(
      host,
      ['inet f', 'netdev f', 'ip g'].map((table) => `nft delete table ${table}`),
    );
    assertHealthy(result);
  });

  it('names whoever listens on a virtual service', async () => {
    const script = `require('net').createServer().listen(80, '${VIP}', () => console.log('listening'))`;
    const rival = host.spawn(process.execPath, ['-e', script]);
    await rival.output(/listening/);
    const text = new RegExp(`node.* \\(process ${rival.pid}\\) listens on ${VIP}:80`);
    const result = await examine(host);
    await rival.stop();
    assertFound(result, { check: 'listeners', level: 'warning', text });
  });

  it("finds the kernel's ip_vs with the same service", async () => {
    const table = [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn',
      'TCP  0A010064:0050 wlc ',
      '  -> 0A02000B:0050      Masq    1      0          0         \\n',
    ];
    const result = await examine(host, [], withProcNet({ ip_vs: table.join('\\n') }));
    assertFound(result, { check: 'kernel-ipvs', text: /ip_vs has 10\.1\.0\.100:80 as well/ });
  });

  it('finds connection tracking that has no room', async () => {
    const columns = 'entries searched found new invalid ignore delete drop';
    const rows = '00000000 0 0 0 0 0 0 0000000a\\n00000000 0 0 0 0 0 0 00000001\\n';
    const before = withProcNet({ 'stat/nf_conntrack': `${columns}\\n${rows}` });
    const text = /has dropped 11 packets/;
    assertFound(await examine(host, [], before), { check: 'conntrack', level: 'warning', text });
  });

  it("finds a card's ring that overflows", async () => {
    const before = withProcNet({ dev: '  ext0: 1000 1000 0 5 5 0 0 0 1000 10 0 0 0 0 0 0\\n' });
    const text = /ext0: its receive ring overflowed, 5 packets were lost of 1000/;
    assertFound(await examine(host, [], before), { check: 'rings', level: 'warning', text });
  });

  it('says what it cannot check without capabilities', async () => {
    const powerless = ['setpriv', '--bounding-set', '-net_admin,-net_raw'];
    const { found, exit } = await examine(host, ['--probe'], powerless);
    assert.deepEqual(
      found.map(({ check, level }) => `${check}: ${level}`),
      ['capabilities', 'kernel', 'firewall', 'legacy-iptables', 'probe-answers', 'probe-mtu'].map(
        (name) => `${name}: unchecked`,
      ),
    );
    assert.equal(exit, 1);
  });

  for (const [what, kind, errno] of [
    ['packet sockets', AF_PACKET, EAFNOSUPPORT],
    ['nf_tables', NETLINK_NETFILTER, EPROTONOSUPPORT],
  ] as const) {
    it(`finds a kernel without ${what}`, async () => {
      const before = [process.execPath, WITHOUT_SOCKETS, String(kind), String(errno)];
      const { found, exit } = await examine(host, [], before);
      const errors = found.filter(({ level }) => level === 'error');
      assert.deepEqual(
        errors.map(({ check }) => check),
        ['kernel'],
      );
      assert.match(errors[0].text, /lacks what uvs needs: .*NOSUPPORT/);
      assert.equal(exit, 4);
    });
  }

  it('finds servers whose answers do not come back, by what is seen and by asking', async () => {
    const [client, server] = [lab.host('client'), lab.host('server1')];
    await shell(server, ['ip route del default']);
    const asked = await examine(host, ['--probe', '--client', client.address]);
    const text =
      /10\.2\.0\.11:80 answers this host, but its answers to client 10\.1\.0\.2 don't come back/;
    assertFound(asked, { check: 'probe-answers', text });
    await director.adm('-Z');
    await Promise.all([1, 2, 3].map(() => client.run('curl', ['-s', '--max-time', '2', URL])));
    const seen = await eventually(
      () => examine(host),
      ({ found }) => found.length > 0,
    );
    const { command } = assertFound(seen, {
      check: 'return-path',
      text: /server 10\.2\.0\.11:80 gets SYNs.*nothing has ever/,
    });
    await shell(server, [command]);
    await requestSeries(client, URL, 3);
    assertHealthy(
      await eventually(
        () => examine(host, ['--probe']),
        ({ found }) => found.length === 0,
      ),
    );
  });

  it("finds clients in the servers' own network", async () => {
    const nearby = lab.host('server3');
    await Promise.all([1, 2].map(() => nearby.run('curl', ['-s', '--max-time', '1', URL])));
    const text = /client 10\.2\.0\.13 is in the same network as 10\.2\.0\.1/;
    assertFound(await examine(host), { check: 'nearby-clients', text });
  });

  it('finds a full table', async () => {
    await director.stop();
    await startDirector('--max-connections', '40');
    const connections = Array.from(
      { length: 32 },
      () => `new Promise((done) => net.connect(80, '${VIP}', done))`,
    );
    const script = `const net = require('net'); Promise.all([${connections.join()}]).then(() => console.log('open'))`;
    const talker = lab.host('client').spawn(process.execPath, ['-e', script]);
    await talker.output(/open/);
    const text = /table of connections is nearly full: 3\d of 40/;
    assertFound(await examine(host), { check: 'tables', level: 'warning', text });
    await talker.stop();
  });

  it('finds rings that overflowed', async () => {
    await director.stop();
    await startDirector();
    const pid = Number(/data plane open pid=(\d+)/.exec(director.daemon.log())?.[1]);
    process.kill(pid, 'SIGSTOP');
    await flood(lab.host('client'), 12_000);
    process.kill(pid, 'SIGCONT');
    const result = await eventually(
      () => examine(host),
      ({ found }) => found.length > 0,
    );
    assertFound(result, {
      check: 'rings',
      level: 'warning',
      text: /ext0: \d+ packets were lost because the receive rings were full/,
    });
  });

  it("finds a director that can't be asked, and one that is dead", async () => {
    const silent = await examine(host, [], ['env', 'UVS_SOCKET=/nowhere/uvs.sock']);
    assertFound(silent, {
      check: 'director',
      level: 'unchecked',
      text: /can't be asked at \/nowhere\/uvs\.sock/,
    });
    await director.kill();
    const orphan = await examine(host);
    assertFound(orphan, {
      check: 'director',
      level: 'warning',
      text: /data plane \(process \d+\) is at work without its director/,
    });
    const pid = Number(/process (\d+)/.exec(orphan.found[0].text)?.[1]);
    process.kill(pid, 'SIGKILL');
    const left = await eventually(
      () => examine(host),
      ({ found }) => found.some(({ check }) => check === 'leftovers'),
    );
    assert.deepEqual(
      left.found.map(({ check, level }) => `${check}: ${level}`),
      ['director: note', 'leftovers: error'],
    );
    assert.match(left.found[1].text, /has left nf_tables uvs, uvs_guard/);
    await shell(host, [left.found[1].command]);
  });

  it('checks a host without a director, and a file of rules for it', async () => {
    const bare = await examine(host);
    assertFound(bare, { check: 'director', level: 'note', text: /no director is at work/ });
    assert.equal(bare.report.source, 'nothing');
    const file = join(host.folder, 'rules');
    writeFileSync(file, RULES.replaceAll(VIP, '10.1.0.101'));
    const { found, report, exit } = await examine(host, ['--rules', file]);
    assert.deepEqual(
      found.map(({ check }) => check),
      ['director', 'virtual-addresses'],
    );
    assert.match(found[1].text, /10\.1\.0\.101 .*is not an address/);
    assert.deepEqual([report.source, exit], ['rules', 4]);
    const powerless = await examine(host, [], ['setpriv', '--bounding-set', '-net_raw']);
    assert.ok(
      powerless.found.some(({ check, level }) => check === 'capabilities' && level === 'error'),
    );
  });
});

/** Sends segments of no connection to the service. */
async function flood(client: Host, count: number): Promise<void> {
  const [{ lladdr }] = await listed<{ lladdr: string }>(client, 'neigh', 'show', VIP);
  const own = await listed<{ ifindex: number; address: string }>(client, 'link', 'show', 'lan0');
  const course = {
    sourceMac: macOf(own[0].address),
    destinationMac: macOf(lladdr),
    source: int32(client.address),
    destination: int32(VIP),
  };
  const segment = { sourcePort: 4711, destinationPort: 80, sequence: 0, flags: ACK };
  const frame = tcpFrame(course, segment);
  inNamespace(client, () => {
    const sender = new FrameSender();
    for (let i = 0; i < count; i++) sender.send(own[0].ifindex, frame);
    sender.close();
  });
}

async function shell(machine: Host, commands: readonly string[]): Promise<void> {
  for (const command of commands) await machine.output('sh', ['-c', command]);
}

async function listed<T>(machine: Host, ...words: string[]): Promise<T[]> {
  return JSON.parse(await machine.output('ip', ['-json', ...words])) as T[];
}

function macOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function linesOf(listing: string): number {
  return listing.split('\n').length;
}

function withoutCounters(ruleset: string): string {
  return ruleset.replace(/counter packets \d+ bytes \d+/g, '');
}
