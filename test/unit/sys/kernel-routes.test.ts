import assert from 'node:assert/strict';
import type { Route } from '../../../dataplane/route/routes.js';
import { outsideLocalTable, parseRoute } from '../../../dataplane/sys/kernel-routes.js';
import { MessageBuilder, readMessages } from '../../../dataplane/sys/netlink-message.js';
import { address } from '../../support/frames.js';

const MAIN = 254;
const LOCAL = 255;
const DEFAULT = 253;
const UNICAST = 1;
const DEAD = 1;
const LINKDOWN = 16;

interface Header {
  bits: number;
  table?: number;
  type?: number;
  tos?: number;
  flags?: number;
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.split('.').map(Number));

/** Interfaces 10 and 11 are ports 0 and 1. */
function portOf(ifindex: number): number {
  return ifindex === 10 || ifindex === 11 ? ifindex - 10 : -1;
}

function parse(header: Header, fill: (message: MessageBuilder) => void): Route | null {
  const { bits, table = MAIN, type = UNICAST, tos = 0, flags = 0 } = header;
  const bytes = Buffer.from([2, bits, 0, tos, table, 0, 0, type, flags, 0, 0, 0]);
  const message = new MessageBuilder(24, 0, bytes);
  fill(message);
  let route: Route | null = null;
  readMessages(message.finish(1), (read) => (route = parseRoute(read, portOf)));
  return route;
}

/** Attributes of a route out of port 0. */
function out(message: MessageBuilder): MessageBuilder {
  return message.u32(4, 10);
}

function kindOf(type: number): string | undefined {
  return parse({ bits: 32, table: LOCAL, type }, out)?.kind;
}

/** struct rtnexthop with a gateway. */
function hop(ifindex: number, flags: number, gateway: string): Buffer {
  return Buffer.from([16, 0, flags, 0, ifindex, 0, 0, 0, 8, 0, 5, 0, ...bytesOf(gateway)]);
}

function through(...hops: Buffer[]): Route | null {
  return parse({ bits: 0 }, (m) => m.attribute(9, Buffer.concat(hops)));
}

function route(text: string, prefixLength: number): Route {
  const prefix = { address: address(text), prefixLength };
  return { kind: 'unicast', ...prefix, gateway: 0, port: 0, mtu: 0, metric: 0 };
}

describe("the kernel's routes", () => {
  it('have prefix, gateway, port and metric', () => {
    const route = parse({ bits: 24 }, (m) =>
      m.attribute(1, bytesOf('10.5.0.0')).attribute(5, bytesOf('10.2.0.9')).u32(4, 11).u32(6, 100),
    );
    assert.deepEqual(route, {
      kind: 'unicast',
      address: address('10.5.0.0'),
      prefixLength: 24,
      gateway: address('10.2.0.9'),
      port: 1,
      mtu: 0,
      metric: 100,
    });
  });

  it('have port -1 where the interface is none of ours', () => {
    assert.equal(parse({ bits: 0 }, (m) => m.u32(4, 99))?.port, -1);
  });

  it('carry an MTU of their own', () => {
    const route = parse({ bits: 0 }, (m) => m.u32(4, 10).nest(8, () => m.u32(2, 1400)));
    assert.equal(route?.mtu, 1400);
  });

  it('are of the kinds that matter for forwarding', () => {
    assert.equal(kindOf(2), 'local');
    assert.equal(kindOf(3), 'broadcast');
    assert.equal(kindOf(4), 'local', 'anycast');
    assert.deepEqual([6, 7, 8].map(kindOf), ['unreachable', 'unreachable', 'unreachable']);
    assert.deepEqual([5, 9].map(kindOf), [undefined, undefined], 'multicast, throw');
  });

  it('of other tables, for a TOS, and cached ones do not count', () => {
    assert.equal(parse({ bits: 0, table: 100 }, out), null);
    assert.equal(
      parse({ bits: 0, table: 0 }, (m) => out(m).u32(15, 1000)),
      null,
    );
    assert.equal(parse({ bits: 0, tos: 8 }, out), null);
  });

  it('of table default come after those of table main, whatever their metrics', () => {
    const late = parse({ bits: 0, table: DEFAULT }, out);
    const early = parse({ bits: 0 }, (m) => out(m).u32(6, 0xffffffff));
    assert.ok((late as Route).metric > (early as Route).metric);
  });

  it('that the kernel has given up are left out; a missing carrier alone is none of our business', () => {
    assert.equal(parse({ bits: 0, flags: DEAD | LINKDOWN }, out), null);
    assert.equal(parse({ bits: 0, flags: LINKDOWN }, out)?.port, 0);
  });

  it('through an IPv6 gateway lead out of none of our ports', () => {
    const via = Buffer.from([10, 0, ...new Uint8Array(16)]);
    assert.equal(parse({ bits: 0 }, (m) => m.u32(4, 10).attribute(18, via))?.port, -1);
  });

  describe('with several next hops', () => {
    it('go by the first usable one', () => {
      const route = through(
        hop(11, DEAD, '10.2.0.7'),
        hop(10, 0, '10.1.0.8'),
        hop(11, 0, '10.2.0.9'),
      );
      assert.equal(route?.gateway, address('10.1.0.8'));
      assert.equal(route?.port, 0);
    });

    it('prefer one out of our ports', () => {
      const route = through(hop(99, 0, '10.9.0.7'), hop(11, 0, '10.2.0.9'));
      assert.equal(route?.gateway, address('10.2.0.9'));
    });

    it('are left out when all are dead', () => {
      assert.equal(through(hop(10, DEAD, '10.1.0.8'), hop(11, DEAD, '10.2.0.9')), null);
    });
  });

  it('inside a wide prefix of table local are never reached, so they are left out', () => {
    const local = [route('127.0.0.0', 8), route('10.1.0.1', 32)];
    const others = [route('127.5.0.0', 16), route('10.1.0.0', 24), route('0.0.0.0', 0)];
    assert.deepEqual(outsideLocalTable(local, others), others.slice(1));
  });
});
