import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { formatIPv6, ipv6Words, parseIPv4, parseIPv6 } from '../../src/admin/addresses.js';
import { mergeSort } from '../../src/admin/sort.js';
import { Session } from '../unit/admin/session.js';

const ADDRESS_LIKE = fc.stringMatching(/^[019afF:.%x]{0,24}$/);
const WORD = fc.integer({ min: 0, max: 0xffff_ffff });
/** Words in which runs of zero groups are likely. */
const GAPPY_WORD = fc.oneof(WORD, fc.constantFrom(0, 1, 0x10000, 0xffff));

describe('addresses', () => {
  it('are IPv6 where the system says so, without a scope', () => {
    fc.assert(
      fc.property(fc.oneof(ADDRESS_LIKE, fc.ipV6(), fc.string()), (text) => {
        assert.equal(parseIPv6(text) !== null, isIPv6(text) && !text.includes('%'));
      }),
    );
  });

  it('of IPv6 come back from their text, of which there is one', () => {
    fc.assert(
      fc.property(fc.tuple(GAPPY_WORD, GAPPY_WORD, GAPPY_WORD, GAPPY_WORD), (words) => {
        const text = formatIPv6(words);
        assert.deepEqual(ipv6Words(text), words);
        assert.equal(parseIPv6(text.toUpperCase()), text);
      }),
    );
  });

  it('of IPv4 are the same in every notation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 }),
        ([a, b, c, d]) => {
          const plain = `${a}.${b}.${c}.${d}`;
          const last16 = c * 256 + d;
          assert.equal(parseIPv4(plain), plain);
          assert.equal(parseIPv4(`0x${a.toString(16)}.0${b.toString(8)}.${last16}`), plain);
          assert.equal(parseIPv4(`${a}.${b * 65_536 + last16}`), plain);
          assert.equal(parseIPv4(String(a * 2 ** 24 + b * 65_536 + last16)), plain);
        },
      ),
    );
  });
});

const byFirst = (a: [number, number], b: [number, number]): number => a[0] - b[0];

describe('mergeSort', () => {
  it('is stable and sorts where the relation is an order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat())), (pairs) => {
        assert.deepEqual(mergeSort(pairs, byFirst), pairs.toSorted(byFirst));
      }),
    );
  });
});

const OPTION_WORDS = (
  '-A -E -D -C -L -Z -a -e -d -S -R -h -v --set --start-daemon --stop-daemon -t -u -f -6 -s -p -M -r -m -g ' +
  '-i -w -x -y -n -c -o -b -X --pe --stats --rate --timeout --daemon --nosort --tun-type --tun-port ' +
  '--mcast-group --syncid -Ln -mw --weight=5 -- - rr wlc sh-port 10.1.0.100:80 [fd00::1]:80 10.2.0.2 5 0 ' +
  'master gre 255.255.255.0 64'
).split(' ');

describe('any command line', () => {
  it('ends with one of the exit statuses, and says why where it fails', async () => {
    const word = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...OPTION_WORDS) }, fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 8 }), fc.string(), async (words, input) => {
        const { exitCode, stderr } = await new Session().runWords(words, input);
        assert.ok([0, 1, 2, 255].includes(exitCode), `exit status ${exitCode}`);
        assert.equal(exitCode === 0 || stderr.endsWith('\n'), true, 'fails silently');
      }),
      { numRuns: 1000 },
    );
  });
});
