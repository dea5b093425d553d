import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fstatSync } from 'node:fs';
import {
  createLog,
  writesToJournal,
  type LogFields,
  type LogLevel,
} from '../../../src/director/log.js';

const NOW = new Date(Date.UTC(2026, 10, 22, 10, 20, 30, 123));

function logged(level: LogLevel, use: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  use(createLog({ level, write: (line) => lines.push(line), now: () => NOW }));
  return lines;
}

function fieldsOf(fields: LogFields): string {
  const [line] = logged('info', (log) => log.info('x', fields));
  return line.slice('2026-11-22T10:20:30.123Z info  x '.length, -1);
}

describe('log', () => {
  it('writes a line: time, level, message, fields', () => {
    const lines = logged('debug', (log) => {
      log.error('no way out');
      log.warn('interface down', { interface: 'eth0', mtu: 1500 });
      log.info('ready');
      log.debug('x');
    });
    assert.deepEqual(lines, [
      '2026-11-22T10:20:30.123Z error no way out\n',
      '2026-11-22T10:20:30.123Z warn  interface down interface=eth0 mtu=1500\n',
      '2026-11-22T10:20:30.123Z info  ready\n',
      '2026-11-22T10:20:30.123Z debug x\n',
    ]);
  });

  it('leaves out what is below the level', () => {
    for (const [level, count] of [
      ['error', 1],
      ['warn', 2],
      ['info', 3],
      ['debug', 4],
    ] as const) {
      const lines = logged(level, (log) => {
        log.debug('d');
        log.info('i');
        log.warn('w');
        log.error('e');
      });
      assert.equal(lines.length, count, level);
    }
  });

  it('quotes what isn’t plain, so that a line stays a line', () => {
    assert.equal(fieldsOf({ text: 'two words' }), 'text="two words"');
    assert.equal(fieldsOf({ text: 'a\nb' }), 'text="a\\nb"');
    assert.equal(fieldsOf({ text: 'say "no"' }), 'text="say \\"no\\""');
    assert.equal(fieldsOf({ text: '' }), 'text=""');
    assert.equal(fieldsOf({ text: 'a=b' }), 'text="a=b"');
    assert.equal(
      fieldsOf({ address: '10.1.0.100:80', file: '/run/uvs' }),
      'address=10.1.0.100:80 file=/run/uvs',
    );
    assert.equal(fieldsOf({ address: '[2001:db8::1]:80' }), 'address=[2001:db8::1]:80');
  });

  it('leaves time and level to the journal', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => lines.push(line), isJournal: true });
    log.error('no way out', { exit: 1 });
    log.warn('w');
    log.info('i');
    assert.deepEqual(lines, ['<3>no way out exit=1\n', '<4>w\n', '<6>i\n']);
  });

  it('writes an object a line where programs read it', () => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const now = () => NOW;
    const log = createLog({ level: 'info', format: 'json', write, now });
    log.warn('interface down', { interface: 'eth0', mtu: 1500, gone: undefined, vips: ['a', 'b'] });
    createLog({ level: 'info', format: 'json', write, isJournal: true }).error('no "way" out');
    assert.deepEqual(JSON.parse(lines[0]), {
      time: NOW.toISOString(),
      level: 'warn',
      message: 'interface down',
      interface: 'eth0',
      mtu: 1500,
      vips: ['a', 'b'],
    });
    assert.equal(lines[1], '<3>{"level":"error","message":"no \\"way\\" out"}\n');
  });

  it('takes standard error for the journal only where systemd says so', () => {
    assert.equal(writesToJournal({}), false);
    assert.equal(writesToJournal({ JOURNAL_STREAM: '1:1' }), false);
    const { dev, ino } = fstatSync(2);
    assert.equal(writesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }), true);
  });

  it('writes lists, and leaves out what is undefined', () => {
    assert.equal(
      fieldsOf({ devices: ['d0', 'd1'], gone: undefined, up: true }),
      'devices=d0,d1 up=true',
    );
    assert.equal(fieldsOf({ devices: [] }), 'devices=""');
  });
});
