import assert from 'node:assert/strict';
import { parseWrk, tally } from '../../../lab/traffic.js';

const CLEAN = `Running 2s test @ http://10.1.0.100/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.00ms    1.28ms   9.78ms   86.50%
    Req/Sec    64.30k    14.56k   91.90k    75.00%
  128080 requests in 2.00s, 18.93MB read
Requests/sec:  63942.33
Transfer/sec:      9.45MB
`;

const TROUBLED = `Running 1s test @ http://10.1.0.100/
  10 requests in 1.00s, 1.00KB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:     10.00
`;

describe("wrk's report", () => {
  it('is read as requests and rate', () => {
    assert.deepEqual(parseWrk(CLEAN), {
      requests: 128080,
      requestsPerSecond: 63942.33,
      errors: 0,
      failures: [],
    });
  });

  it('counts every kind of error', () => {
    const { errors, failures } = parseWrk(TROUBLED);
    assert.equal(errors, 1 + 2 + 3 + 4 + 5);
    assert.deepEqual(failures, ['connect 1', 'read 2', 'write 3', 'timeout 4', 'not 2xx 5']);
  });

  it('leaves kinds out that did not occur', () => {
    const report = TROUBLED.replace('connect 1, read 2, write 3,', 'connect 0, read 0, write 10,');
    assert.deepEqual(parseWrk(report).failures, ['write 10', 'timeout 4', 'not 2xx 5']);
  });

  it('is not taken from something else', () => {
    assert.throws(() => parseWrk('unable to connect'), /not a report of wrk: unable to connect/);
  });
});

describe('a tally of answers', () => {
  it('counts each and sorts them', () => {
    const counts = tally(['server2', 'server1', 'server2']);
    assert.deepEqual(Object.entries(counts), [
      ['server1', 1],
      ['server2', 2],
    ]);
  });
});
