import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { HostNews } from '../../../src/director/host-news.js';
import { createLog } from '../../../src/director/log.js';

describe('news of the host', () => {
  const written = new EventEmitter();
  let lines: string[];
  const log = createLog({
    level: 'info',
    write: (line) => {
      lines.push(line);
      written.emit('line', line);
    },
  });

  beforeEach(() => (lines = []));

  it('are a line each', () => {
    const news = new HostNews(log);
    news.tell('interface eth0: down');
    news.tell('interface eth0: up');
    news.close();
    assert.equal(lines.length, 2);
    assert.match(lines[1], / info {2}host network changed description="interface eth0: up"/);
  });

  it('have so many lines at a time, and the number of the others', async () => {
    const news = new HostNews(log, 1);
    for (let i = 0; i < 230; i++) news.tell(`routes added: ${i}`);
    assert.equal(lines.length, 200);
    const alive = setTimeout(() => {}, 10_000);
    const [last] = (await once(written, 'line')) as [string];
    clearTimeout(alive);
    assert.match(last, / warn .*changes=30/);
    news.tell('routes removed: 230');
    assert.equal(lines.length, 202);
    news.close();
  });

  it('leave none untold at the end', () => {
    const news = new HostNews(log);
    for (let i = 0; i < 201; i++) news.tell('interface eth0: up');
    news.close();
    assert.match(lines.at(-1) ?? '', /changes=1$/m);
  });
});
