import assert from 'node:assert/strict';
import { TICKS_PER_SECOND } from '../../../dataplane/clock.js';
import {
  BUCKET_WORDS,
  FORWARD_GENERATION,
  SKIP_GENERATION,
} from '../../../dataplane/flows/layout.js';
import type { FastPath } from '../../../dataplane/lifecycle/fast-path.js';
import { describeTable } from '../../../dataplane/sys/fastpath/programs.js';
import { addFastPath, KEY } from '../../support/flow-kernel.js';
import { SYN, TracedDirector } from '../../support/tracing.js';

const BUCKETS = 64;
const REPORT_WORDS = 256;

describe('a fast path that is suspended', () => {
  let director: TracedDirector;
  let fastPath: FastPath;

  beforeEach(async () => {
    director = await TracedDirector.create();
    const { server, clock } = director;
    for (const [port, info] of server.routes.ports.entries()) {
      server.routes.setPort(port, { ...info, ifindex: 100 + port });
    }
    const words = new Int32Array((BUCKETS + 1) * BUCKET_WORDS);
    const description = words.subarray(BUCKETS * BUCKET_WORDS);
    describeTable(description, { buckets: BUCKETS, key: KEY });
    description[SKIP_GENERATION] = description[FORWARD_GENERATION] = 1;
    const reports = new Int32Array(REPORT_WORDS);
    fastPath = addFastPath(server, { words, reports }, clock.ticks);
  });

  it('forwards nothing, neither what it has forwarded nor what comes, until it is taken up again', () => {
    director.fromClient(SYN);
    assert.equal(fastPath.connections, 1);
    fastPath.suspend(director.clock.ticks);
    assert.equal(fastPath.connections, 0);
    director.fromClient(SYN, { sourcePort: 4001 });
    assert.equal(fastPath.connections, 0);
    // Places of flows rest for a while after all were ended.
    director.clock.ticks += TICKS_PER_SECOND;
    director.fromClient(SYN, { sourcePort: 4003 });
    assert.equal(fastPath.connections, 0);
    fastPath.resume();
    director.fromClient(SYN, { sourcePort: 4002 });
    assert.equal(fastPath.connections, 1);
  });
});
