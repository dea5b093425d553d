import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ControlError } from '../../../src/control/api.js';
import { createLog, type Log } from '../../../src/director/log.js';
import { reloadRules } from '../../../src/director/reload.js';
import { runRules } from '../../../src/rules/rules-file.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { temporaryFolder } from '../control/memory-control.js';
import { Clock, testDirector } from '../../support/director.js';

const RULES = `-A -t 10.1.0.100:80 -s rr
-a -t 10.1.0.100:80 -r 10.2.0.1:80 -m
`;

describe('reloading the rules', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  let director: VirtualServer;
  let lines: string[];
  let log: Log;

  beforeEach(async () => {
    folder = temporaryFolder();
    file = join(folder.path, 'rules');
    director = testDirector(new Clock());
    lines = [];
    log = createLog({
      level: 'info',
      write: (line) => lines.push(line.slice(25).trimEnd().replace(file, 'FILE')),
    });
    await runRules('rules', RULES, director);
  });
  afterEach(() => folder.remove());

  async function reload(text: string): Promise<boolean> {
    writeFileSync(file, text);
    return reloadRules(file, director, log);
  }

  it('changes what differs and logs it', async () => {
    assert.equal(await reload(`${RULES}-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m\n`), true);
    assert.equal((await director.services())[0].destinations.length, 2);
    assert.deepEqual(lines, ['info  rules reloaded file=FILE done="1 server added"']);
  });

  it('says so where nothing differs', async () => {
    assert.equal(await reload(RULES), true);
    assert.deepEqual(lines, ['info  rules reloaded, nothing differs file=FILE']);
  });

  it('changes nothing where the file is wrong, and logs each wrong line', async () => {
    const before = await director.services();
    assert.equal(await reload(`${RULES}nonsense\n-D -t 10.9.9.9:80\n`), false);
    assert.deepEqual(await director.services(), before);
    assert.equal(lines.length, 2);
    assert.match(
      lines[0],
      /^error rules not reloaded, nothing was changed file=FILE problem="?.*:3: /,
    );
    assert.match(lines[1], /:4: No such service/);
  });

  it('changes nothing where the file can’t be read', async () => {
    assert.equal(await reloadRules(join(folder.path, 'none'), director, log), false);
    assert.match(lines[0], /^error rules not reloaded.*ENOENT/);
  });

  it('outlives a failure of the director itself', async () => {
    director.services = async () => {
      throw new Error('no data plane');
    };
    assert.equal(await reload(RULES), false);
    assert.deepEqual(lines, ['error rules not reloaded file=FILE problem="no data plane"']);
  });

  it('changes nothing where the director refuses', async () => {
    director.apply = async () => {
      throw new ControlError('ENOMEM', 'change 1 (addDestination ...): no room');
    };
    assert.equal(await reload(`${RULES}-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m\n`), false);
    assert.match(lines.join('\n'), /^error rules not reloaded.*no room/);
  });
});
