import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readFootprint, removeFootprint, writeFootprint } from '../../../src/director/footprint.js';
import { temporaryFolder } from '../control/memory-control.js';

describe('footprint of a director', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => (folder = temporaryFolder()));
  afterEach(() => folder.remove());

  const FOOTPRINT = {
    sysctls: { 'net.ipv4.ip_forward': '0' },
    socket: '/run/uvs/control.sock',
    procfsDir: '/run/uvs-proc',
  };

  it('is there until it is removed', () => {
    assert.equal(readFootprint(folder.path), null);
    writeFootprint(folder.path, FOOTPRINT);
    writeFootprint(folder.path, FOOTPRINT);
    assert.deepEqual(readFootprint(folder.path), FOOTPRINT);
    removeFootprint(folder.path);
    removeFootprint(folder.path);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('may be of a director that kept no files yet', () => {
    const { sysctls, socket } = FOOTPRINT;
    writeFileSync(join(folder.path, 'footprint.json'), JSON.stringify({ sysctls, socket }));
    assert.deepEqual(readFootprint(folder.path), { sysctls, socket, procfsDir: null });
  });

  it('counts as none where it makes no sense', () => {
    for (const content of ['', 'null', '{"sysctls":{}}', '{"sysctls":{"a":1},"socket":"/x"}']) {
      writeFileSync(join(folder.path, 'footprint.json'), content);
      assert.equal(readFootprint(folder.path), null, content);
    }
  });
});
