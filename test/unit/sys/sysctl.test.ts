import assert from 'node:assert/strict';
import { Sysctls, readSysctl, sysctlProblem, writeSysctl } from '../../../dataplane/sys/sysctl.js';

describe('kernel settings', () => {
  it('are read without the end of the line', () => {
    assert.equal(readSysctl('kernel.ostype'), 'Linux');
  });

  it('may have a dot inside a name, written as a slash', () => {
    assert.throws(
      () => readSysctl('net.ipv4.conf.no/5.forwarding'),
      (error: Error) => /conf\/no\.5\/forwarding/.test(String(error.cause)),
    );
  });

  it('that the kernel does not have are named', () => {
    assert.throws(() => readSysctl('net.ipv4.no_such'), /no setting net\.ipv4\.no_such \(ENOENT\)/);
  });

  it("that can't be set are named with the value and what to do", () => {
    assert.throws(
      () => writeSysctl('kernel.ostype', 'Hurd'),
      /can't set kernel\.ostype=Hurd: E\w+\. \w/,
    );
  });

  it('are looked at without being set', () => {
    assert.equal(sysctlProblem('kernel.ostype', 'Linux'), null);
    assert.match(sysctlProblem('kernel.ostype', 'Hurd') ?? '', /can't set kernel\.ostype=Hurd: E/);
    assert.match(sysctlProblem('net.ipv4.no_such', '1') ?? '', /no setting net\.ipv4\.no_such/);
  });

  it('are left alone where they have the value already', () => {
    const sysctls = new Sysctls();
    sysctls.set('kernel.ostype', 'Linux');
    assert.deepEqual(sysctls.changes(), {});
  });
});
