import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'mocha';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { peerOf, sendDatagram, socketAddress } from '../../../dataplane/sys/unix-socket.js';
import { temporaryFolder } from '../control/memory-control.js';

describe('UNIX sockets', () => {
  it('have addresses of paths and of abstract names', () => {
    assert.deepEqual([...socketAddress('/a')], [1, 0, 0x2f, 0x61, 0]);
    assert.deepEqual([...socketAddress('@a')], [1, 0, 0, 0x61]);
  });

  it('tell who is at the other end', async () => {
    const folder = temporaryFolder();
    const path = join(folder.path, 's');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const client = connect(path);
    const [socket] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }];
    const { _handle: handle } = socket;
    assert.deepEqual(peerOf(handle.fd), { pid: process.pid, uid: process.getuid?.() });
    client.destroy();
    socket.destroy();
    server.close();
    folder.remove();
  });

  it('say where a datagram could not go', () => {
    assert.throws(() => sendDatagram('@nobody-listens-here', 'x'), /ECONNREFUSED/);
  });
});
