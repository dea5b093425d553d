import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { describeIssues, paramSchemas, requestSchema } from '../../../src/control/schemas.js';
import { MASQ, ROUND_ROBIN, SERVER, WEB } from './memory-control.js';

function problem(method: keyof typeof paramSchemas, params: unknown): string {
  const result = paramSchemas[method].safeParse(params);
  return result.success ? '' : describeIssues(result.error);
}

describe('schemas of control requests', () => {
  it('takes well-formed requests', () => {
    assert.equal(problem('addService', { key: WEB, settings: ROUND_ROBIN }), '');
    assert.equal(problem('addDestination', { service: WEB, key: SERVER, settings: MASQ }), '');
    assert.equal(problem('zero', {}), '');
    assert.equal(problem('zero', { key: WEB }), '');
  });

  it('names the field that is wrong', () => {
    assert.match(problem('service', { key: { ...WEB, port: 65_536 } }), /^key\.port: .*65535/);
    assert.match(problem('service', { key: { ...WEB, port: 80.5 } }), /^key\.port: /);
    assert.match(
      problem('service', { key: { ...WEB, family: 'inet4' } }),
      /^key\.family: .*"inet6"/,
    );
    assert.match(problem('service', { key: { ...WEB, colour: 1 } }), /^key: .*"colour"/);
    assert.match(problem('service', {}), /^key: /);
    assert.match(
      problem('addDestination', { service: WEB, key: SERVER, settings: { ...MASQ, weight: '1' } }),
      /^settings\.weight: .*expected number, received string/,
    );
    assert.match(
      problem('setTimeouts', { timeouts: { tcpSeconds: -1, tcpFinSeconds: 0, udpSeconds: 0 } }),
      /^timeouts\.tcpSeconds: /,
    );
  });

  it('names every field that is wrong', () => {
    const text = problem('addService', { key: { ...WEB, port: -1 }, settings: {} });
    for (const field of ['key.port', 'settings.scheduler', 'settings.netmask']) {
      assert.ok(text.includes(`${field}: `), `${field} in ${text}`);
    }
  });

  it('names the change that is wrong, and of very many only some', () => {
    const add = { change: 'addDestination', service: WEB, key: SERVER, settings: MASQ };
    const gone = { change: 'deleteService', key: WEB };
    assert.equal(problem('apply', { changes: [gone, add] }), '');
    assert.match(
      problem('apply', { changes: [add, { ...add, key: { ...SERVER, address: 'x' } }] }),
      /^changes\.1\.key\.address: .*IPv4/,
    );
    assert.match(
      problem('apply', { changes: [{ ...gone, change: 'flush' }] }),
      /^changes\.0\.change: /,
    );
    assert.match(problem('apply', { changes: [{ ...gone, settings: MASQ }] }), /"settings"/);
    const wrong = Array.from({ length: 1000 }, () => ({ ...gone, key: 1 }));
    assert.match(problem('apply', { changes: wrong }), /; and 984 more$/);
  });

  it('checks that the address is of the family', () => {
    assert.match(
      problem('service', { key: { ...WEB, address: '10.1.0' } }),
      /^key\.address: .*IPv4/,
    );
    assert.match(problem('service', { key: { ...WEB, address: '::1' } }), /^key\.address: .*IPv4/);
    assert.match(problem('service', { key: { ...WEB, family: 'inet6' } }), /^key\.address: .*IPv6/);
    assert.equal(
      problem('service', { key: { ...WEB, family: 'inet6', address: '2001:db8::1' } }),
      '',
    );
  });

  it('leaves the address of a firewall mark alone', () => {
    assert.equal(problem('service', { key: { ...WEB, address: '', port: 0, fwmark: 7 } }), '');
  });

  it('leaves to the director what ip_vs itself decides', () => {
    const refusedByTheDirector = { ...MASQ, weight: -1, lowerThreshold: 9, upperThreshold: 1 };
    assert.equal(
      problem('addDestination', { service: WEB, key: SERVER, settings: refusedByTheDirector }),
      '',
    );
  });

  it('takes nothing but id, method and params as a request', () => {
    assert.ok(requestSchema.safeParse({ id: 1, method: 'info' }).success);
    for (const request of [
      null,
      [],
      'info',
      { method: 'info' },
      { id: '1', method: 'info' },
      { id: -1, method: 'info' },
      { id: 1, method: 2 },
      { id: 1, method: 'info', version: 2 },
    ]) {
      assert.equal(requestSchema.safeParse(request).success, false, JSON.stringify(request));
    }
  });
});
