import assert from 'node:assert/strict';
import { describe, it, beforeEach, afterEach } from 'mocha';
import { join } from 'node:path';
import { check } from '../../../dataplane/sys/errors.js';
import {
  AF_UNIX,
  bind,
  close,
  MSG_DONTWAIT,
  recvfrom,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from '../../../dataplane/sys/libc.js';
import { waitReadable, type Readable } from '../../../dataplane/sys/readable.js';
import { socketAddress } from '../../../dataplane/sys/unix-socket.js';
import { Notifier, type Health } from '../../../src/director/notify.js';
import { temporaryFolder } from '../control/memory-control.js';

/** A service manager's end: datagrams as they come. */
class Receiver {
  private readonly fd: number;
  private readonly readable: Readable;
  private readonly received: string[] = [];
  private wake = (): void => {};

  constructor(path: string) {
    this.fd = check('socket', socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    check('bind', bind(this.fd, socketAddress(path)));
    this.readable = waitReadable(this.fd, () => this.receive());
  }

  /** The next datagram's lines. */
  async next(): Promise<string[]> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return (this.received.shift() ?? '').trimEnd().split('\n');
  }

  close(): void {
    this.readable.stop();
    close(this.fd);
  }

  private receive(): void {
    const bytes = Buffer.alloc(4096);
    const length = check('recvfrom', recvfrom(this.fd, bytes, bytes.length, MSG_DONTWAIT));
    this.received.push(bytes.toString('utf8', 0, length));
    this.wake();
  }
}

describe('telling the service manager', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let failures: string[];
  let health: Health;

  beforeEach(() => {
    folder = temporaryFolder();
    failures = [];
    health = { isWell: true, text: 'balancing on d0' };
  });

  afterEach(() => folder.remove());

  function notifier(environment: NodeJS.ProcessEnv): Notifier {
    return Notifier.fromEnvironment((reason) => failures.push(reason), environment);
  }

  for (const kind of ['a path', 'an abstract name']) {
    it(`goes to a socket with ${kind}`, async () => {
      const path =
        kind === 'a path' ? join(folder.path, 'notify') : `@uvs-notify-test-${process.pid}`;
      const receiver = new Receiver(path);
      const told = notifier({ NOTIFY_SOCKET: path });
      told.ready(() => health);
      assert.deepEqual(await receiver.next(), ['READY=1', `MAINPID=${process.pid}`]);
      assert.deepEqual(await receiver.next(), ['STATUS=balancing on d0']);
      told.reloading();
      const [first, second] = await receiver.next();
      assert.equal(first, 'RELOADING=1');
      const usec = BigInt(/^MONOTONIC_USEC=(\d+)$/.exec(second)?.[1] ?? '0');
      assert.ok(usec > 0n && usec <= process.hrtime.bigint() / 1000n);
      told.reloaded();
      assert.deepEqual(await receiver.next(), ['READY=1']);
      told.stopping();
      assert.deepEqual(await receiver.next(), ['STOPPING=1', 'STATUS=stopping']);
      receiver.close();
      assert.deepEqual(failures, []);
    });
  }

  it('feeds the watchdog while all is well, and not otherwise', async () => {
    const path = join(folder.path, 'notify');
    const receiver = new Receiver(path);
    const told = notifier({
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '40000',
      WATCHDOG_PID: String(process.pid),
    });
    told.ready(() => health);
    await receiver.next();
    assert.deepEqual(await receiver.next(), ['STATUS=balancing on d0', 'WATCHDOG=1']);
    assert.deepEqual(await receiver.next(), ['WATCHDOG=1']);
    health = { isWell: false, text: 'down' };
    let lines = await receiver.next();
    while (lines[0] === 'WATCHDOG=1') lines = await receiver.next();
    assert.deepEqual(lines, ['STATUS=down']);
    health = { isWell: true, text: 'up' };
    // Nothing came while it was down, or it would be first in the queue.
    assert.deepEqual(await receiver.next(), ['STATUS=up', 'WATCHDOG=1']);
    told.stopping();
    receiver.close();
  });

  it("leaves another process' watchdog alone", async () => {
    const path = join(folder.path, 'notify');
    const receiver = new Receiver(path);
    const told = notifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '40000', WATCHDOG_PID: '1' });
    told.ready(() => health);
    await receiver.next();
    assert.deepEqual(await receiver.next(), ['STATUS=balancing on d0']);
    told.stopping();
    receiver.close();
  });

  it('does nothing where nobody asks for it', () => {
    const told = notifier({});
    told.ready(() => {
      throw new Error('asked in vain');
    });
    told.stopping();
    assert.deepEqual(failures, []);
  });

  it('says once that nobody listens', () => {
    const told = notifier({ NOTIFY_SOCKET: join(folder.path, 'nobody') });
    told.reloading();
    told.reloaded();
    assert.equal(failures.length, 1);
    assert.match(failures[0], /nobody failed: ENOENT/);
  });
});
