import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createLog } from '../../../src/director/log.js';
import { limitLog } from '../../../src/director/log-limit.js';

describe('a log that is limited', () => {
  const written = new EventEmitter();
  let lines: string[];
  const unlimited = createLog({
    level: 'info',
    write: (line) => {
      lines.push(line.slice(25).trimEnd());
      written.emit('line');
    },
  });

  beforeEach(() => (lines = []));

  it('has a line for each, as long as they are few', () => {
    const log = limitLog(unlimited, { linesMax: 2 });
    log.info('server added', { server: 'a' });
    log.info('server added', { server: 'b' });
    log.error('no way out');
    log.debug('x');
    log.close();
    assert.deepEqual(lines, [
      'info  server added server=a',
      'info  server added server=b',
      'error no way out',
    ]);
  });

  it('has so many lines of a message at a time, and then the number of the others', async () => {
    const log = limitLog(unlimited, { linesMax: 2, periodMs: 1 });
    for (let i = 0; i < 5; i++) log.info('server added');
    log.warn('overload');
    assert.equal(lines.length, 3);
    // The log's own timer keeps no process alive.
    const alive = setTimeout(() => {}, 10_000);
    await once(written, 'line');
    clearTimeout(alive);
    assert.equal(lines.at(-1), 'warn  lines left out message="server added" lines=3');
    log.info('server added');
    assert.equal(lines.at(-1), 'info  server added');
    log.close();
    assert.equal(lines.length, 5);
  });

  it('leaves none untold at the end', () => {
    const log = limitLog(unlimited);
    for (let i = 0; i < 201; i++) log.info('host network changed');
    log.close();
    assert.equal(lines.at(-1), 'warn  lines left out message="host network changed" lines=1');
  });
});
