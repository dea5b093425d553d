import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { loadRules } from '../../../src/director/rules.js';
import { UsageError } from '../../../src/director/usage.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { temporaryFolder } from '../control/memory-control.js';

describe('rules to begin with', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  let control: VirtualServer;

  beforeEach(() => {
    folder = temporaryFolder();
    file = join(folder.path, 'rules');
    control = new VirtualServer({
      hashKey: [1, 2],
      clock: () => 0,
      capacity: { connections: 16, services: 16, destinations: 16 },
    });
  });
  afterEach(() => folder.remove());

  async function problems(rules: string): Promise<string[]> {
    writeFileSync(file, rules);
    const error = await loadRules(file, control).then(
      () => assert.fail('the rules were taken'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UsageError);
    return error.message.split('\n').map((line) => line.replace(file, 'FILE'));
  }

  it('are taken as `uvsadm -S` writes them, with comments and empty lines', async () => {
    writeFileSync(
      file,
      [
        '# our web servers',
        '-A -t 10.1.0.100:80 -s wrr',
        '-a -t 10.1.0.100:80 -r 10.2.0.1:8080 -m -w 3',
        '',
        '-A -t 10.1.0.100:443 -s rr -p 60',
      ].join('\n'),
    );
    await loadRules(file, control);
    const [first, second] = await control.services();
    assert.deepEqual([first.port, first.scheduler], [80, 'wrr']);
    assert.deepEqual([first.destinations[0].port, first.destinations[0].weight], [8080, 3]);
    assert.deepEqual([second.port, second.timeoutSeconds], [443, 60]);
  });

  it('are refused with file and line of everything that is wrong', async () => {
    const found = await problems(
      [
        '-A -t 10.1.0.100:80 -s rr',
        '# a comment counts as a line',
        '-A -t 10.1.0.100:80 -s rr',
        '-a -t 10.9.9.9:80 -r 10.2.0.1 -m',
        '-A -u 10.1.0.100:53',
        'nonsense',
      ].join('\n'),
    );
    assert.equal(found.length, 4);
    assert.equal(found[0], 'FILE:3: Service already exists');
    assert.equal(found[1], 'FILE:4: Service not defined');
    assert.match(found[2], /^FILE:5: .*UDP/);
    assert.match(found[3], /^FILE:6: ./);
  });

  it('are not told line by line where all of them are wrong', async () => {
    const found = await problems('bad\n'.repeat(100));
    assert.equal(found.length, 21);
    assert.equal(found[20], 'FILE: and 80 more lines are wrong');
  });

  it('are refused where they can’t be read', async () => {
    await assert.rejects(loadRules(join(folder.path, 'none'), control), {
      name: 'UsageError',
      message: /can't read the rules in .*none: ENOENT/,
    });
  });
});
