import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { constants } from 'node:os';
import koffi from 'koffi';
import { check } from '../../../dataplane/sys/errors.js';
import {
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  bind,
  close,
  getsockname,
  recvfrom,
  sendto,
  socket,
} from '../../../dataplane/sys/libc.js';
import { waitReadable, type Readable } from '../../../dataplane/sys/readable.js';

const AF_INET = 2;
const SOCKADDR_BYTES = 16;

const connect = koffi.load(null).func('int connect(int, void *, unsigned int)') as (
  fd: number,
  address: Buffer,
  length: number,
) => number;

/** 127.0.0.1 with a port chosen by the kernel: struct sockaddr_in. */
function loopbackAddress(): Buffer {
  const address = Buffer.alloc(SOCKADDR_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.set([127, 0, 0, 1], 4);
  return address;
}

function openUdp(): { fd: number; address: Buffer } {
  const fd = check('socket', socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  check('bind', bind(fd, loopbackAddress()));
  const address = Buffer.alloc(SOCKADDR_BYTES);
  check('getsockname', getsockname(fd, address));
  return { fd, address };
}

describe('waiting for a readable descriptor', () => {
  let fd: number;
  let address: Buffer;
  let readable: Readable;
  let events: EventEmitter;
  const bytes = Buffer.alloc(16);

  beforeEach(() => {
    ({ fd, address } = openUdp());
    events = new EventEmitter();
    readable = waitReadable(fd, (errno) => events.emit('readable', errno));
  });
  afterEach(() => {
    readable.stop();
    close(fd);
  });

  function send(text: string): void {
    check('sendto', sendto(fd, Buffer.from(text), text.length, 0, address, SOCKADDR_BYTES));
  }

  function receive(): string {
    const length = check('recvfrom', recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT));
    return bytes.toString('utf8', 0, length);
  }

  it('calls back for each arrival', async () => {
    for (const text of ['one', 'two']) {
      send(text);
      assert.deepEqual(await once(events, 'readable'), [0]);
      assert.equal(receive(), text);
    }
  });

  it('calls back again while something is left', async () => {
    send('one');
    await once(events, 'readable');
    await once(events, 'readable');
    assert.equal(receive(), 'one');
  });

  it('hands a pending error on, and goes on', async () => {
    // A closed port answers a connected socket with "connection refused", a pending error.
    const closed = openUdp();
    close(closed.fd);
    const other = check('socket', socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    assert.equal(connect(other, closed.address, SOCKADDR_BYTES), 0);
    const failing = new EventEmitter();
    const waiting = waitReadable(other, (errno) => failing.emit('readable', errno));
    sendto(other, Buffer.from('x'), 1, 0);
    assert.deepEqual(await once(failing, 'readable'), [constants.errno.ECONNREFUSED]);
    sendto(other, Buffer.from('x'), 1, 0);
    assert.deepEqual(await once(failing, 'readable'), [constants.errno.ECONNREFUSED]);
    waiting.stop();
    close(other);
  });

  it('ends with stop, which may be called in the callback and twice', async () => {
    let calls = 0;
    readable.stop();
    readable = waitReadable(fd, () => {
      calls++;
      readable.stop();
      readable.stop();
      events.emit('stopped');
    });
    send('one');
    await once(events, 'stopped');
    const second = openUdp();
    const other = waitReadable(second.fd, () => events.emit('other'));
    check('sendto', sendto(second.fd, Buffer.from('x'), 1, 0, second.address, SOCKADDR_BYTES));
    await once(events, 'other');
    assert.equal(calls, 1);
    other.stop();
    close(second.fd);
  });
});
