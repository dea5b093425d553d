import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, it } from 'mocha';

const FOLDER = join(import.meta.dirname, '../../../src/director');

/** A process that waits for its end, takes `lastsMs` over it (0: for ever) and logs to standard output. */
const PROGRAM = (lastsMs: number): string => `
  import { createLog } from ${JSON.stringify(join(FOLDER, 'log.ts'))};
  import { waitForStop } from ${JSON.stringify(join(FOLDER, 'signals.ts'))};
  const write = (line) => process.stdout.write(line.slice(25));
  const stop = waitForStop(createLog({ level: 'info', write }), () => write(' '.repeat(25) + 'reloading\\n'));
  process.on('SIGPWR', () => { setImmediate(() => { throw new Error('first'); }); void Promise.reject('second'); });
  setInterval(() => {}, 1000);
  write(' '.repeat(25) + 'waiting\\n');
  const { failure, leave } = await stop;
  write(' '.repeat(25) + 'resolved: ' + failure?.message + ', leaves packets: ' + leave + '\\n');
  if (${lastsMs} > 0) setTimeout(() => process.exit(0), ${lastsMs});`;

type Child = ChildProcessByStdio<null, Readable, null>;

function start(lastsMs = 1): Child {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM(lastsMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  return child;
}

/** Everything it says from now until `word`. */
async function until(child: Child, word: string): Promise<string> {
  let said = '';
  while (!said.includes(word)) {
    const [text] = (await once(child.stdout, 'data')) as [string];
    said += text;
  }
  return said;
}

describe('the end of a director', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) {
    it(`is asked for by ${signal}`, async () => {
      const child = start();
      await until(child, 'waiting');
      child.kill(signal);
      const said = await until(child, 'resolved: ');
      assert.match(
        said,
        new RegExp(
          `^info {2}stopping signal=${signal}\\nresolved: undefined, leaves packets: ${signal === 'SIGUSR2'}`,
        ),
      );
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    });
  }

  it('does not follow SIGHUP without a terminal: that is a wish for new rules', async () => {
    const child = start();
    await until(child, 'waiting');
    child.kill('SIGHUP');
    assert.match(await until(child, 'reloading'), /^reloading/);
    child.kill('SIGTERM');
    await until(child, 'resolved: undefined');
  });

  it('is forced by a second signal', async () => {
    const child = start(0);
    await until(child, 'waiting');
    child.kill('SIGTERM');
    await until(child, 'resolved: ');
    child.kill('SIGINT');
    assert.match(await until(child, 'SIGINT'), /^error stopped by force, .*--cleanup/);
    assert.deepEqual(await once(child, 'exit'), [1, null]);
  });

  it('follows an error that nobody caught, the first of them', async () => {
    const child = start();
    await until(child, 'waiting');
    child.kill('SIGPWR');
    const said = await until(child, 'resolved: ');
    assert.match(said, /^error internal failure, stopping reason=second stack=/);
    assert.equal(said.split('internal failure').length, 2);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});
