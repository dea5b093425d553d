import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { supervise } from '../../../fuzz/supervisor.js';

const WORKER = fileURLToPath(new URL('../../../fuzz/worker.ts', import.meta.url));
const TASK = { kind: 'config', seed: 1, milliseconds: null, inputs: 300, coverage: true };
/** Notes an input as what is being run, as a worker does. */
const NOTE = `
  import { writeFileSync } from 'node:fs';
  const task = JSON.parse(process.argv[2]);
  writeFileSync(task.currentFile, Buffer.from([3, 0, 0, 0, 0x61, 0x62, 0x63, 0x64]));
  process.send({ progress: { inputs: 5, runs: 5, corpus: 1, blocks: null, milliseconds: 1 } });
`;

describe('a worker of the fuzzer', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uvs-fuzz-test-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function outcomeOf(program: string) {
    const file = join(folder, 'worker.mjs');
    const findingsFolder = join(folder, 'findings');
    writeFileSync(file, program);
    const [outcome] = await supervise([TASK], 1, {
      program: file,
      silenceMaxMs: 500,
      findingsFolder,
    });
    const kept = readdirSync(findingsFolder).find((name) => !name.endsWith('.txt')) ?? '';
    return { ...outcome, input: readFileSync(join(findingsFolder, kept), 'utf8') };
  }

  it('does its task, and tells how far it got', async () => {
    const tasks = [TASK, { ...TASK, kind: 'captures' }];
    const outcomes = await supervise(tasks, 2, { program: WORKER });
    for (const { progress, findings } of outcomes) {
      assert.deepEqual(findings, []);
      assert.ok(progress.inputs >= TASK.inputs);
      assert.ok((progress.blocks ?? 0) > 0);
    }
  });

  it('is ended where an input never ends, and the input is kept', async () => {
    const { input, findings, progress } = await outcomeOf(`${NOTE} for (;;);`);
    assert.equal(input, 'abc');
    assert.match(findings[0].text, /no end after 0.5 seconds/);
    assert.match(findings[0].command, /^npm run fuzz -- --kind config --repeat .*config-/);
    assert.equal(progress.inputs, 5);
  });

  it('may end badly, and the input is kept', async () => {
    const { input, findings } = await outcomeOf(`${NOTE} process.kill(process.pid, 'SIGSEGV');`);
    assert.equal(input, 'abc');
    assert.match(findings[0].text, /ended with SIGSEGV/);
  });
});
