import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { SETTING_NAMES, SETTINGS } from '../../../dataplane/settings.js';
import { connect } from '../../../src/control/client.js';
import { serveControl, type ControlServer } from '../../../src/control/server.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { run } from '../../../src/tools/set.js';
import { Clock, testDirector } from '../../support/director.js';

describe('uvs set', () => {
  let folder: string;
  let director: VirtualServer;
  let server: ControlServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-set-'));
    director = testDirector(new Clock());
    server = await serveControl({ path: join(folder, 'control.sock'), control: director });
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function set(...words: string[]) {
    const output = { exitCode: 0, stdout: '', stderr: '' };
    output.exitCode = await run(words, {
      stdout: { write: (text) => (output.stdout += text) },
      stderr: { write: (text) => (output.stderr += text) },
      open: () => connect(join(folder, 'control.sock')),
    });
    return output;
  }

  it('shows every setting with value, default, range and what it does', async () => {
    await director.setSetting('am_droprate', 25);
    const { exitCode, stdout } = await set();
    assert.equal(exitCode, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 1 + SETTING_NAMES.length);
    assert.match(lines[0], /^NAME +VALUE +DEFAULT +RANGE$/);
    for (const name of SETTING_NAMES) {
      const line = lines.find((candidate) => candidate.startsWith(`${name} `));
      assert.ok(line?.endsWith(`  ${SETTINGS[name].summary}`), name);
    }
    assert.match(stdout, /^am_droprate +25 +10 +any /m);
    assert.match(stdout, /^drop_entry +0 +0 +0\.\.3 /m);
  });

  it('changes what is given a value and shows what is named', async () => {
    const { exitCode, stdout } = await set('sloppy_tcp=1', 'expire_nodest_conn', 'am_droprate=-3');
    assert.equal(exitCode, 0);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ +/, 2).join(' ')),
      ['NAME VALUE', 'am_droprate -3', 'expire_nodest_conn 0', 'sloppy_tcp 1'],
    );
    const settings = await director.settings();
    assert.equal(settings['sloppy_tcp'], 1);
    assert.equal(settings['am_droprate'], -3);
  });

  it('shows the value that took effect, not the one that was given', async () => {
    // The whole test table is smaller than that: room is short from the beginning.
    const { stdout } = await set('amemthresh=1024', 'drop_packet=1');
    assert.match(stdout, /^drop_packet +2 /m);
  });

  it('prints JSON for programs', async () => {
    const { stdout } = await set('--json', 'secure_tcp=3');
    assert.deepEqual(JSON.parse(stdout), [
      { name: 'secure_tcp', value: 3, ...SETTINGS.secure_tcp },
    ]);
  });

  it('refuses a wrong word before anything is changed, and says what would be right', async () => {
    for (const [word, problem] of [
      ['drop_entry=4', /drop_entry must be a whole number from 0 to 3, not '4'/],
      ['drop_entry=', /whole number from 0 to 3, not ''/],
      ['drop_entry=one', /not 'one'/],
      ['sloppy_tcp=1.5', /not '1\.5'/],
      ['conntrack=1', /no setting 'conntrack'; there are am_droprate, /],
      ['toString', /no setting 'toString'/],
      ['--all', /'--all'/],
    ] as const) {
      const { exitCode, stdout, stderr } = await set('sloppy_tcp=1', word);
      assert.equal(exitCode, 2, word);
      assert.equal(stdout, '');
      assert.match(stderr, problem);
      assert.equal((await director.settings())['sloppy_tcp'], 0);
    }
  });

  it('says that there is no director, and what to do', async () => {
    await server.close();
    const { exitCode, stderr } = await set();
    assert.equal(exitCode, 1);
    assert.match(stderr, /^uvs set: No director at .*\nStart one with uvsd, or set UVS_SOCKET\n$/);
  });
});
