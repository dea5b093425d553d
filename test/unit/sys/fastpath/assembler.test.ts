import assert from 'node:assert/strict';
import {
  assemble,
  atomicAdd,
  atomicCompareExchange,
  atomicExchange,
  atomicFetchAdd,
  call,
  compute,
  compute32,
  exit,
  goto,
  jumpIf,
  jumpIfNull,
  load,
  loadPacket,
  move,
  moveMap,
  moveWide,
  R0,
  R1,
  R10,
  R2,
  R6,
  R7,
  R9,
  store,
  type Item,
} from '../../../../dataplane/sys/fastpath/assembler.js';

const hex = (...items: Item[]): string => Buffer.from(assemble(items)).toString('hex');

/** As `llvm-objdump -d` shows them: code, registers, offset, immediate; little-endian. */
const ENCODINGS: [string, Item | Item[], string][] = [
  ['r0 = r6', move(R0, R6), 'bf60000000000000'],
  ['r1 = -1', move(R1, -1), 'b7010000ffffffff'],
  ['r3 += 4 on 64 bits', compute('add', R2, 4), '0702000004000000'],
  ['w0 &= 15', compute32('and', R0, 15), '540000000f000000'],
  ['w0 -= w7', compute32('subtract', R0, R7), '1c70000000000000'],
  ['r0 *= r1', compute('multiply', R0, R1), '2f10000000000000'],
  ['r0 >>= 32', compute('shiftRight', R0, 32), '7700000020000000'],
  ['r0 /= 10000000', compute('divide', R0, 10_000_000), '3700000080969800'],
  ['w1 <<= 8', compute32('shiftLeft', R1, 8), '6401000008000000'],
  ['w0 |= w1', compute32('or', R0, R1), '4c10000000000000'],
  ['w0 ^= 0xffff', compute32('xor', R0, 0xffff), 'a4000000ffff0000'],
  ['r0 = *(u32 *)(r6 + 176)', load(4, R0, R6, 176), '6160b00000000000'],
  ['r0 = *(u16 *)(r10 - 54)', load(2, R0, R10, -54), '69a0caff00000000'],
  ['r0 = *(u8 *)(r10 - 52)', load(1, R0, R10, -52), '71a0ccff00000000'],
  ['r1 = *(u64 *)(r10 - 80)', load(8, R1, R10, -80), '79a1b0ff00000000'],
  ['*(u32 *)(r10 - 72) = 5', store(4, R10, -72, 5), '620ab8ff05000000'],
  ['*(u16 *)(r10 - 34) = r0', store(2, R10, -34, R0), '6b0adeff00000000'],
  ['*(u64 *)(r10 - 80) = r0', store(8, R10, -80, R0), '7b0ab0ff00000000'],
  ['lock *(u32 *)(r9 + 48) += w1', atomicAdd(4, R9, 48, R1), 'c319300000000000'],
  ['lock *(u64 *)(r9 + 56) += r1', atomicAdd(8, R9, 56, R1), 'db19380000000000'],
  ['w1 = fetch_add(r2 + 36, w1)', atomicFetchAdd(4, R2, 36, R1), 'c312240001000000'],
  ['w0 = xchg_32(r1 + 0, w0)', atomicExchange(4, R1, 0, R0), 'c3010000e1000000'],
  ['w0 = cmpxchg_32(r1 + 20, w0, w2)', atomicCompareExchange(4, R1, 20, R2), 'c3211400f1000000'],
  ['r0 = cmpxchg_64(r9 - 8, r0, r7)', atomicCompareExchange(8, R9, -8, R7), 'db79f8fff1000000'],
  ['r0 = *(u16 *)skb[12]', loadPacket(2, 12), '280000000c000000'],
  ['r0 = *(u32 *)skb[26]', loadPacket(4, 26), '200000001a000000'],
  ['r0 = *(u8 *)skb[r7 + 27]', loadPacket(1, 27, R7), '507000001b000000'],
  ['r1 = a constant of 64 bits', moveWide(R1, -2, 3), '18010000feffffff0000000003000000'],
  ['r1 = map of descriptor 7', moveMap(R1, 7), '18110000070000000000000000000000'],
  ['call 26', call(26), '850000001a000000'],
  ['exit', exit(), '9500000000000000'],
];

describe('the assembler of eBPF', () => {
  for (const [name, item, bytes] of ENCODINGS) {
    it(`encodes ${name}`, () => assert.equal(hex(...[item].flat()), bytes));
  }

  it('jumps to labels, forwards and backwards, counted in instructions', () => {
    const bytes = hex(
      'start',
      jumpIf('equal', R0, 8, 'end'),
      jumpIf('notEqual', R1, R7, 'start'),
      jumpIf('above', R0, 1, 'end'),
      jumpIf('atLeast', R0, 1, 'end'),
      jumpIf('anyBit', R0, 1, 'end'),
      jumpIfNull(R0, 'end'),
      moveWide(R1, 0, 0)[0],
      moveWide(R1, 0, 0)[1],
      goto('end'),
      'end',
      exit(),
    );
    const jumps = bytes.match(/.{16}/g) as string[];
    assert.deepEqual(jumps.slice(0, 6), [
      '1600080008000000',
      '5e71feff00000000',
      '2600060001000000',
      '3600050001000000',
      '4600040001000000',
      '1500030000000000',
    ]);
    assert.equal(jumps[8], '0500000000000000');
  });

  it('refuses a jump to nowhere, and one that is too far', () => {
    assert.throws(() => assemble([goto('nowhere')]), /no place is called nowhere/);
    const many = Array.from({ length: 40_000 }, () => exit());
    assert.throws(() => assemble([goto('end'), ...many, 'end', exit()]), RangeError);
  });
});
