import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { buildIcmpError, icmpErrorFrameBytes } from '../../dataplane/nat/icmp-error.js';
import { close, sendto } from '../../dataplane/sys/libc.js';
import { Interception, type Endpoint } from '../../dataplane/sys/interception.js';
import type { KnownPort } from '../../dataplane/sys/interfaces.js';
import { removeTables } from '../../dataplane/sys/nftables.js';
import { openSendSocket } from '../../dataplane/sys/packet-socket.js';
import type { Host } from '../../lab/host.js';
import { address, tcpFrame } from '../support/frames.js';
import { inNamespace } from './support/namespace.js';
import { eventually } from './support/setting.js';
import { ip, useSmallLab } from './support/small-lab.js';

const TABLE = 'uvs_test';
const SYN = 2;
const VNET_HEADER_BYTES = 10;

function endpoint(text: string): Endpoint {
  const [host, port] = text.split(':');
  return { address: address(host), port: Number(port) };
}

function virtualOnly(...texts: string[]) {
  return { virtual: texts.map(endpoint), real: [] };
}

describe('interception', () => {
  const lab = useSmallLab();
  const events = new EventEmitter();
  let interception: Interception;

  beforeEach(() => {
    interception = open(['ext0', 'int0']);
  });
  afterEach(() => {
    interception.close();
    inNamespace(lab.director, () => removeTables(TABLE));
  });

  function open(interfaces: string[]): Interception {
    return inNamespace(lab.director, () =>
      Interception.open({
        tableName: TABLE,
        interfaces: named(interfaces),
        onTampering: (description) => events.emit('tampering', description),
      }),
    );
  }

  function hide(virtual: string[], real: string[] = []): void {
    interception.update({ virtual: virtual.map(endpoint), real: real.map(endpoint) });
  }

  /** What the kernel says its sets hold: "10.1.0.100:80", or "10.1.0.100" for all ports. */
  async function hidden(): Promise<{ virtual: string[]; real: string[] }> {
    const text = await lab.director.output('nft', ['-j', 'list', 'table', 'netdev', TABLE]);
    const { nftables } = JSON.parse(text) as { nftables: NftObject[] };
    const of = (name: string): string[] =>
      nftables.flatMap(({ set }) => (set?.name === name ? (set.elem ?? []) : [])).map(elementText);
    return {
      virtual: [...of('virtual_endpoints'), ...of('virtual_hosts')].toSorted(),
      real: [...of('real_endpoints'), ...of('real_hosts')].toSorted(),
    };
  }

  async function devices(): Promise<string[]> {
    const table = await lab.director.output('nft', ['list', 'table', 'netdev', TABLE]);
    return [...table.matchAll(/device "?(\w+)"?/g)].map((match) => match[1]);
  }

  /** Packets that were dropped so far, over all rules. */
  async function dropped(): Promise<number> {
    const text = await lab.director.output('nft', ['list', 'table', 'netdev', TABLE]);
    const counts = [...text.matchAll(/counter packets (\d+)/g)].map((match) => Number(match[1]));
    assert.equal(counts.length, 8);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  it('hides a virtual endpoint, and no other port of its address', async () => {
    await refused(lab.client, 'http://10.1.0.100:80/');
    hide(['10.1.0.100:80']);
    await silent(lab.client, 'http://10.1.0.100:80/');
    await refused(lab.client, 'http://10.1.0.100:81/');
    await refused(lab.client, 'http://10.1.0.1:80/');
    interception.remove();
    await refused(lab.client, 'http://10.1.0.100:80/');
  });

  it('hides what a real server sends from its port, and nothing else of its', async () => {
    hide([], ['10.2.0.11:8080']);
    // Nobody listens, so what is hidden is the server's RST.
    await silent(lab.client, 'http://10.2.0.11:8080/');
    await refused(lab.client, 'http://10.2.0.11:8081/');
    await refused(lab.server, 'http://10.1.0.2:8080/');
  });

  it('takes port 0 for all TCP ports of an address', async () => {
    hide(['10.1.0.100:0'], ['10.2.0.11:0']);
    const urls = [1, 80, 65_535].flatMap((port) =>
      ['10.1.0.100', '10.2.0.11'].map((host) => `http://${host}:${port}/`),
    );
    await Promise.all(urls.map((url) => silent(lab.client, url)));
    const ping = ['-c', '1', '-W', '5'];
    assert.equal((await lab.client.run('ping', [...ping, '10.1.0.100'])).exit, 0);
    assert.equal((await lab.client.run('ping', [...ping, '10.2.0.11'])).exit, 0);
  });

  it('changes from any set of endpoints to any other', async () => {
    const steps: [string[], string[]][] = [
      [['10.1.0.100:80', '10.1.0.100:443'], ['10.2.0.11:80']],
      [
        ['10.1.0.100:443', '255.255.255.255:65535', '128.0.0.1:1'],
        ['10.2.0.11:80', '10.2.0.12:80'],
      ],
      [['10.1.0.100:0', '10.1.0.100:443'], []],
      [['10.1.0.100:0', '10.1.0.100:443'], []],
      [[], ['10.2.0.12:0']],
      [[], []],
    ];
    for (const [virtual, real] of steps) {
      hide(virtual, real);
      assert.deepEqual(await hidden(), { virtual: asListed(virtual), real: asListed(real) });
    }
  });

  it('hides some more and gives others back, whatever there is', async () => {
    hide(['10.1.0.100:80', '10.1.0.100:0']);
    interception.change(virtualOnly('10.1.0.100:81'), virtualOnly('10.1.0.100:0'));
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:80', '10.1.0.100:81']);
    const set = ['netdev', TABLE, 'virtual_endpoints'];
    await lab.director.output('nft', ['delete', 'element', ...set, '{ 10.1.0.100 . 80 }']);
    interception.change(virtualOnly('10.1.0.100:82'), virtualOnly('10.1.0.100:80'));
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:81', '10.1.0.100:82']);
    interception.change(virtualOnly(), virtualOnly('10.1.0.100:81'));
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:82']);
  });

  it('holds many thousand endpoints', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `10.7.${i >> 8}.${i & 255}:${i + 1}`);
    hide(['10.1.0.100:80', ...many], many);
    const now = await hidden();
    assert.equal(now.virtual.length, 5001);
    assert.deepEqual(now.real, many.toSorted());
    hide(['10.1.0.100:80'], many.slice(1));
    assert.deepEqual(await hidden(), {
      virtual: ['10.1.0.100:80'],
      real: many.slice(1).toSorted(),
    });
  });

  it('stays when its process goes, until the next one says what it wants', async () => {
    hide(['10.1.0.100:80']);
    interception.close();
    interception = open(['ext0', 'int0']);
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:80']);
    hide(['10.1.0.100:81']);
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:81']);
  });

  it('is back at once when somebody flushes the rule set', async () => {
    hide(['10.1.0.100:80']);
    const tampering = once(events, 'tampering');
    await lab.director.output('nft', ['flush', 'ruleset']);
    assert.match(String(await tampering), /removed nf_tables table uvs_test; restored/);
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:80']);
    await silent(lab.client, 'http://10.1.0.100:80/');
  });

  it('is repaired by the next update when somebody has changed its sets', async () => {
    hide(['10.1.0.100:80', '10.1.0.100:81']);
    const set = ['netdev', TABLE, 'virtual_endpoints'];
    await lab.director.output('nft', ['delete', 'element', ...set, '{ 10.1.0.100 . 80 }']);
    hide(['10.1.0.100:82']);
    assert.deepEqual((await hidden()).virtual, ['10.1.0.100:82']);
  });

  it('covers the interfaces it is told as far as they exist, also one that was made anew', async () => {
    hide(['10.1.0.100:80']);
    interception.setInterfaces(named(['int0']));
    await refused(lab.client, 'http://10.1.0.100:80/');
    interception.setInterfaces(named(['ext0', 'new0']));
    assert.deepEqual(await devices(), ['ext0']);
    await silent(lab.client, 'http://10.1.0.100:80/');
    for (let times = 0; times < 2; times++) {
      await ip(lab.director, 'link add new0 type veth peer name new1');
      interception.setInterfaces(named(['ext0', 'new0']));
      assert.deepEqual(await devices(), ['ext0', 'new0']);
      await ip(lab.director, 'link del new0');
    }
  });

  it('follows interfaces by itself: renamed, removed and made anew', async () => {
    await ip(lab.director, 'link add new0 type veth peer name new1');
    interception.setInterfaces(named(['ext0', 'new0']));
    hide(['10.1.0.100:80']);
    await ip(lab.director, 'link set new0 name new2');
    assert.deepEqual(await eventually(devices, isCovered('new2')), ['ext0', 'new2']);
    await ip(lab.director, 'link del new2', 'link add new2 index 99 type veth peer name new1');
    assert.deepEqual(await eventually(devices, isCovered('new2')), ['ext0', 'new2']);
    await ip(lab.director, 'link del new2', 'link add new2 index 99 type veth peer name new1');
    assert.deepEqual(await eventually(devices, isCovered('new2')), ['ext0', 'new2']);
    await ip(lab.director, 'link del new2');
    await silent(lab.client, 'http://10.1.0.100:80/');
  });

  it('has a second line of defence for interfaces that have lost their hooks', async () => {
    hide(['10.1.0.100:80'], ['10.2.0.11:80']);
    const chain = ['netdev', TABLE, 'ingress_ext0'];
    await lab.director.output('nft', ['flush', 'chain', ...chain]);
    await silent(lab.client, 'http://10.1.0.100:80/');
    hide(['10.1.0.100:81']);
    await refused(lab.client, 'http://10.1.0.100:80/');
    await silent(lab.client, 'http://10.1.0.100:81/');
  });

  it('removes the tables of a prefix and no others', async () => {
    hide(['10.1.0.100:80']);
    // It would put its table back.
    interception.close();
    await lab.director.output('nft', ['add', 'table', 'netdev', 'other']);
    await lab.director.output('nft', ['add', 'table', 'ip', 'uvs_test_nat']);
    assert.deepEqual(
      inNamespace(lab.director, () => removeTables('uvs_test')),
      ['uvs_test', 'uvs_test_guard', 'uvs_test_nat'],
    );
    assert.equal(await lab.director.output('nft', ['list', 'tables']), 'table netdev other\n');
    await lab.director.output('nft', ['delete', 'table', 'netdev', 'other']);
    interception = open([]);
  });

  describe('of single frames', () => {
    let fd: number;
    let frame: Uint8Array;

    beforeEach(async () => {
      const link = JSON.parse(await lab.client.output('ip', ['-j', 'link', 'show', 'lan0']));
      const mac = await lab.director.output('cat', ['/sys/class/net/ext0/address']);
      fd = inNamespace(lab.client, () =>
        openSendSocket((link as [{ ifindex: number }])[0].ifindex),
      );
      frame = tcpFrame({
        source: '10.1.0.2',
        sourcePort: 40_000,
        destination: '10.1.0.100',
        destinationPort: 80,
        flags: SYN,
      });
      frame.set(Buffer.from(mac.trim().replaceAll(':', ''), 'hex'));
      hide(['10.1.0.100:80']);
    });
    afterEach(() => close(fd));

    /** How many of the two frames are hidden: this one, and a last one that is always hidden. */
    async function send(bytes: Uint8Array): Promise<number> {
      for (const each of [bytes, frame]) {
        const message = Buffer.concat([Buffer.alloc(VNET_HEADER_BYTES), each]);
        assert.equal(sendto(fd, message, message.length, 0), message.length);
      }
      for (;;) {
        const count = await dropped();
        if (count > 0) return count;
      }
    }

    it('hides one to this host', async () => {
      assert.equal(await send(frame), 2);
    });

    it('lets one to another host on the link pass', async () => {
      await ip(lab.director, 'link set ext0 promisc on');
      assert.equal(await send(frame.with(5, frame[5] ^ 1)), 1);
      await ip(lab.director, 'link set ext0 promisc off');
    });

    it('lets one with a VLAN tag pass', async () => {
      const tag = Buffer.from([0x81, 0, 0, 5]);
      const tagged = Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
      assert.equal(await send(tagged), 1);
    });

    it('hides a first fragment and lets a later one pass', async () => {
      assert.equal(await send(withFragmentField(frame, 0x2000)), 2);
      const before = await dropped();
      await send(withFragmentField(frame, 0x2001));
      assert.equal(await dropped(), before + 1);
    });

    it('hides an ICMP error about a hidden endpoint, and no other', async () => {
      assert.equal(await send(portUnreachableAbout('10.1.0.100', 80, frame)), 2);
      const before = await dropped();
      await send(portUnreachableAbout('10.1.0.100', 81, frame));
      assert.equal(await dropped(), before + 1);
    });

    it('lets other protocols to the same port number pass', async () => {
      const udp = frame.with(23, 17);
      assert.equal(await send(withFragmentField(udp, 0)), 1);
    });
  });
});

/** The kernel says that nobody listens. */
async function refused(host: Host, url: string): Promise<void> {
  assert.equal((await host.run('curl', ['-s', '--max-time', '20', url])).exit, 7, url);
}

/** Nobody says anything, for a second. */
async function silent(host: Host, url: string): Promise<void> {
  assert.equal((await host.run('curl', ['-s', '--max-time', '1', url])).exit, 28, url);
}

/** As nft shows endpoints: port 0 isn't a port. */
function asListed(endpoints: readonly string[]): string[] {
  return endpoints.map((text) => text.replace(/:0$/, '')).toSorted();
}

interface NftObject {
  set?: { name: string; elem?: (string | { concat: [string, number] })[] };
}

function elementText(element: string | { concat: [string, number] }): string {
  return typeof element === 'string' ? element : element.concat.join(':');
}

/** "Port unreachable" from the client about a packet that came from this endpoint; MAC addresses of `frame`. */
function portUnreachableAbout(source: string, sourcePort: number, frame: Uint8Array): Uint8Array {
  const end = { destination: '10.1.0.2', destinationPort: 40_000 };
  const packet = tcpFrame({ source, sourcePort, ...end, flags: SYN });
  const error = new Uint8Array(icmpErrorFrameBytes(packet, 14));
  buildIcmpError(error, 0, packet, 14, 3, 3, 0, address('10.1.0.2'), 1);
  error.set(frame.subarray(0, 12));
  return error;
}

/** The frame with another fragment field and the header checksum that goes with it. */
function withFragmentField(frame: Uint8Array, field: number): Uint8Array {
  const changed = Buffer.from(frame);
  changed.writeUInt16BE(field, 20);
  changed.writeUInt16BE(0, 24);
  let sum = 0;
  for (let offset = 14; offset < 34; offset += 2) sum += changed.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  changed.writeUInt16BE(~sum & 0xffff, 24);
  return changed;
}

function named(names: string[]): KnownPort[] {
  return names.map((name) => ({ name, ifindex: 0 }));
}

function isCovered(name: string): (devices: string[]) => boolean {
  return (devices) => devices.includes(name);
}
