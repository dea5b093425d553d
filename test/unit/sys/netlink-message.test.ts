import assert from 'node:assert/strict';
import {
  MessageBuilder,
  NLM_F_ACK,
  readAttributes,
  readMessages,
  readText,
  type Message,
} from '../../../dataplane/sys/netlink-message.js';

function messagesOf(datagram: Buffer): Message[] {
  const messages: Message[] = [];
  readMessages(datagram, (message) => messages.push(message));
  return messages;
}

function typesOf(datagram: Buffer): number[] {
  return messagesOf(datagram).map(({ type }) => type);
}

describe('netlink messages', () => {
  it('are built as linux/netlink.h lays them out', () => {
    const message = new MessageBuilder(28, NLM_F_ACK, Buffer.from([2, 0, 0, 0, 7, 0, 0, 0]));
    message.attribute(1, Buffer.from([10, 1, 0, 2, 9])).u32(2, 0x01020304);
    assert.equal(
      message.finish(0x11223344).toString('hex'),
      // length 44, type 28, flags REQUEST|ACK, sequence, port id; family header
      '2c0000001c00050044332211000000000200000007000000' +
        // 5 bytes of value, padded to 8; then a number in host order
        '090001000a01000209000000' +
        '0800020004030201',
    );
  });

  it('give back what was put into them, attributes within attributes too', () => {
    const message = new MessageBuilder(16, 0, Buffer.alloc(4));
    message.nest(18, () => message.text(1, 'veth').u32be(2, 1));
    const [read] = messagesOf(message.finish(5));
    assert.deepEqual([read.type, read.sequence, read.portId], [16, 5, 0]);
    const nested = readAttributes(readAttributes(read.body.subarray(4)).get(18) as Buffer);
    assert.equal(readText(nested.get(1) as Buffer), 'veth');
    assert.equal(nested.get(2)?.toString('hex'), '00000001');
  });

  it('grow as needed', () => {
    const message = new MessageBuilder(1, 0, Buffer.alloc(4));
    const value = Buffer.alloc(5000, 'x');
    message.attribute(1, Buffer.from('first')).attribute(2, value).attribute(3, value);
    const attributes = readAttributes(messagesOf(message.finish(1))[0].body.subarray(4));
    assert.equal(attributes.get(1)?.toString(), 'first');
    assert.ok(attributes.get(2)?.equals(value));
    assert.ok(attributes.get(3)?.equals(value));
  });

  it('refuse an attribute whose length has no room in 16 bits', () => {
    const message = new MessageBuilder(1, 0, Buffer.alloc(4));
    assert.throws(() => message.attribute(1, Buffer.alloc(65_532)), RangeError);
  });

  it('of several in one datagram are told apart, and a cut one is left out', () => {
    const first = new MessageBuilder(1, 0, Buffer.alloc(4)).attribute(1, Buffer.alloc(3)).finish(1);
    const second = new MessageBuilder(2, 0, Buffer.alloc(4)).finish(2);
    const datagram = Buffer.concat([first, second]);
    assert.deepEqual(typesOf(datagram), [1, 2]);
    for (let length = 0; length < datagram.length; length++) {
      const expected = length < first.length ? [] : [1];
      assert.deepEqual(typesOf(datagram.subarray(0, length)), expected);
    }
  });

  it('with a nonsensical length are not read any further', () => {
    const message = new MessageBuilder(1, 0, Buffer.alloc(4)).finish(1);
    message.writeUInt32LE(0, 0);
    assert.deepEqual(messagesOf(message), []);
  });

  it('are read up to an attribute with a nonsensical length; of equal attributes the last counts', () => {
    const attributes = readAttributes(
      Buffer.from('060001004100000006000100420000000300010043', 'hex'),
    );
    assert.equal(readText(attributes.get(1) as Buffer), 'B');
  });
});
