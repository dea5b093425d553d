/** A veth pair in a namespace, both of its ends ports of one ring driver: what goes out of one comes in by the other. */
import { once, EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Burst } from '../../../dataplane/driver/driver.js';
import { RingDriver, type RingDriverOptions } from '../../../dataplane/driver/ring.js';
import type { PortStats } from '../../../dataplane/driver/stats.js';
import type { Host } from '../../../lab/host.js';
import { NO_COLLECTION } from '../../support/heap-growth.js';
import { inNamespace } from './namespace.js';
import { ip } from './small-lab.js';

/** The ends' names, port numbers and MAC addresses. */
export const NAMES = ['wire0', 'wire1'];
export const NEAR = 0;
export const FAR = 1;
const PROBE = fileURLToPath(new URL('../../support/wire-probe.ts', import.meta.url));
const MACS = ['02:00:00:00:00:00', '02:00:00:00:00:01'];

export interface ReceivedFrame {
  port: number;
  offload: number;
  bytes: Uint8Array;
}

export class Wire {
  private opened: RingDriver | null = null;
  private readonly arrivals = new EventEmitter();
  private readonly burst = new Burst();
  private ifindexes: number[] = [];

  constructor(private readonly host: Host) {}

  /** Makes the pair anew. */
  async lay(mtu = 1500): Promise<void> {
    await this.cut();
    const [near, far] = NAMES;
    // Without addresses: nothing but the tests' own frames goes over it.
    const quiet = NAMES.map((name) => `net.ipv6.conf.${name}.disable_ipv6=1`);
    await ip(this.host, `link add ${near} address ${MACS[0]} type veth peer name ${far}`);
    await ip(this.host, `link set ${far} address ${MACS[1]}`);
    await this.host.output('sysctl', ['-qw', ...quiet]);
    this.ifindexes = [];
    for (const name of NAMES) {
      await ip(this.host, `link set ${name} mtu ${mtu} up`);
      const text = await this.host.output('cat', [`/sys/class/net/${name}/ifindex`]);
      this.ifindexes.push(Number(text));
    }
  }

  async cut(): Promise<void> {
    const links = await this.host.output('ip', ['-o', 'link']);
    if (links.includes(NAMES[0])) await ip(this.host, `link del ${NAMES[0]}`);
  }

  get driver(): RingDriver {
    if (this.opened === null) throw new Error('the driver is not open');
    return this.opened;
  }

  open(options: RingDriverOptions = {}): void {
    this.opened = new RingDriver(options);
    for (const port of [NEAR, FAR]) this.openPort(port);
  }

  /** Leaves a port to others. */
  openWithout(port: number): void {
    this.opened = new RingDriver();
    this.openPort(1 - port);
  }

  ifindexOf(port: number): number {
    return this.ifindexes[port];
  }

  close(): void {
    this.opened?.close();
    this.opened = null;
  }

  openPort(port: number): void {
    inNamespace(this.host, () => this.driver.openPort(port, this.ifindexes[port]));
  }

  /** Queues a frame to the other end's MAC address, or to `to`, and sends what is queued. */
  send(port: number, bytes: Uint8Array, offload = 0, to = MACS[1 - port]): void {
    const frame = Uint8Array.from(bytes);
    frame.set(Buffer.from(to.replaceAll(':', ''), 'hex'));
    this.driver.sendCopy(frame, 0, frame.length, offload, port);
    this.driver.flush();
  }

  /** What has arrived by now, a burst at most. */
  receive(): ReceivedFrame[] {
    const { burst, driver } = this;
    driver.receive(burst);
    const frames = Array.from({ length: burst.count }, (_, i) => ({
      port: burst.port[i],
      offload: burst.offload[i],
      bytes: driver.memory.slice(burst.offset[i], burst.offset[i] + burst.length[i]),
    }));
    driver.release(burst);
    return frames;
  }

  /** Receives until there are as many frames; meanwhile tries to send what is still queued. */
  async receiveAll(count: number): Promise<ReceivedFrame[]> {
    const frames = this.receive();
    while (frames.length < count) {
      this.driver.flush();
      await this.arrival();
      frames.push(...this.receive());
    }
    return frames;
  }

  /** Resolves when there is something to receive. */
  async arrival(): Promise<void> {
    const arrived = once(this.arrivals, 'frames');
    this.driver.watch(() => this.arrivals.emit('frames'));
    await arrived;
    this.driver.unwatch();
  }

  /** What test/support/wire-probe.ts finds out about this wire. */
  async probe(): Promise<{ grownBytes: number; stats: PortStats[] }> {
    const indexes = this.ifindexes.map(String);
    const args = [...NO_COLLECTION, '--import', 'tsx', PROBE, ...indexes];
    const output = await this.host.output('env', [
      '-u',
      'NODE_V8_COVERAGE',
      process.execPath,
      ...args,
    ]);
    return JSON.parse(output) as { grownBytes: number; stats: PortStats[] };
  }
}
