import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { SysError, check } from '../../../dataplane/sys/errors.js';
import { bind, socket } from '../../../dataplane/sys/libc.js';

describe('errors of system calls', () => {
  it('name call and errno, and say what to do', () => {
    const error = new SysError('bind', constants.errno.EPERM);
    assert.equal(error.code, 'EPERM');
    assert.equal(error.message, `bind failed: EPERM. ${error.hint}`);
    assert.match(error.hint, /CAP_NET_ADMIN and CAP_NET_RAW/);
  });

  it('take advice that fits better', () => {
    assert.equal(
      new SysError('bind', 1, 'Stop the other one.').message,
      'bind failed: EPERM. Stop the other one.',
    );
  });

  it('of unknown number keep it', () => {
    assert.equal(new SysError('bind', 4711).message, 'bind failed: errno 4711.');
  });

  it('are thrown for a negative result, others are passed on', () => {
    assert.equal(check('socket', 7), 7);
    assert.throws(() => check('socket', -constants.errno.EMFILE), {
      code: 'EMFILE',
      call: 'socket',
    });
  });

  it('come from the call itself', () => {
    assert.equal(socket(4711, 1, 0), -constants.errno.EAFNOSUPPORT);
    assert.equal(bind(-1, new Uint8Array(16)), -constants.errno.EBADF);
  });
});
