import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Snapshot } from '../../../../src/control/snapshot.js';
import { plainText, screenLines } from '../../../../src/tools/top/screen.js';
import { painted, textOf } from '../../../../src/tools/top/segments.js';
import type { Scene } from '../../../../src/tools/top/summary.js';
import { FIRST_VIEW, SHAPES, type View } from '../../../../src/tools/top/view.js';
import { NOON_MS, server, service, snapshot, statistics } from './fixture.js';

const SMALL = { columns: 80, rows: 24 };
/** Numbers of columns. */
const CONNECTIONS = 0;
const ACTIVE = 5;

const BUSY = snapshot([
  service(80, [
    server(12, { activeConnections: 5, statistics: statistics({ connectionsPerSecond: 3 }) }),
    server(11, { activeConnections: 9, weight: 0 }),
  ]),
  service(443, [
    server(13, {
      activeConnections: 7,
      inactiveConnections: 2,
      statistics: statistics({ inPacketsPerSecond: 123_456, inBytesPerSecond: 1_250_000 }),
    }),
  ]),
]);

function sceneOf(now: Snapshot = BUSY, changes: Partial<Scene> = {}): Scene {
  return { snapshot: now, previous: null, problem: null, mode: 'every 1 s', ...changes };
}

function screen(scene = sceneOf(), view: Partial<View> = {}, size = SMALL): string[] {
  return screenLines(scene, { ...FIRST_VIEW, ...view }, size).map((line) => textOf(line).trimEnd());
}

/** Names in the table, in their order. */
function names(view: Partial<View>, scene = sceneOf()): string[] {
  const lines = screen(scene, view).slice(6, -1);
  return lines.map((line) => /\d+\.\d+\.\d+\.\d+:\d+/.exec(line)?.[0] ?? '').filter(Boolean);
}

describe('the screen of uvs top', () => {
  it('has 80 columns and 24 lines, with services, servers and figures in columns', () => {
    const lines = screen();
    assert.equal(lines.length, 24);
    assert.match(lines[0], /^uvs 1\.2\.3 2 services, 3 servers .* every 1 s$/);
    const columns = 'weight +conn\\/s pkt\\/s> <pkt\\/s bit\\/s> <bit\\/s active +inact';
    assert.match(lines[5], new RegExp(`^SERVICE / SERVER +${columns}$`));
    assert.match(lines[6], /^TCP 10\.1\.0\.100:80 +rr +0 +0 +0 +0 +0 +14 +0$/);
    assert.match(lines[7], /^ {2}10\.2\.0\.12:80 +1 +3 +0 +0 +0 +0 +5 +0$/);
    assert.match(lines[10], /^ {2}10\.2\.0\.13:80 +1 +0 +123k +0 +10\.0M +0 +7 +2$/);
    assert.match(lines[23], /^h help .* q quit$/);
  });

  it('sorts services, and servers within them, by a column', () => {
    const rules = [
      '10.1.0.100:80',
      '10.2.0.12:80',
      '10.2.0.11:80',
      '10.1.0.100:443',
      '10.2.0.13:80',
    ];
    assert.deepEqual(names({}), rules);
    const largest = [
      '10.1.0.100:80',
      '10.2.0.11:80',
      '10.2.0.12:80',
      '10.1.0.100:443',
      '10.2.0.13:80',
    ];
    assert.deepEqual(names({ sort: ACTIVE }), largest);
    assert.deepEqual(names({ sort: ACTIVE, isReversed: true }), [
      ...rules.slice(3),
      ...rules.slice(0, 3),
    ]);
  });

  it('has all servers in one list, or services alone', () => {
    const servers = ['10.2.0.11:80', '10.2.0.13:80', '10.2.0.12:80'];
    assert.deepEqual(names({ shape: 'servers', sort: ACTIVE }), servers);
    assert.deepEqual(names({ shape: 'services' }), ['10.1.0.100:80', '10.1.0.100:443']);
  });

  it('filters by the text of names', () => {
    assert.deepEqual(names({ filter: '0.13' }), ['10.1.0.100:443', '10.2.0.13:80']);
    assert.deepEqual(names({ filter: 'tcp 10.1.0.100:443' }), ['10.1.0.100:443', '10.2.0.13:80']);
    assert.match(screen(sceneOf(), { filter: 'nothing' })[6], /nothing matches/);
  });

  it('hides what no packet comes for', () => {
    const scene = sceneOf(
      snapshot([
        service(80, [server(11)]),
        service(
          443,
          [server(12, { statistics: statistics({ outPacketsPerSecond: 1 }) }), server(13)],
          {
            statistics: statistics({ outPacketsPerSecond: 1 }),
          },
        ),
      ]),
    );
    assert.deepEqual(names({ hidesIdle: true }, scene), ['10.1.0.100:443', '10.2.0.12:80']);
  });

  it('scrolls, no further than to the last row, and says where it is', () => {
    const scene = sceneOf(
      snapshot([
        service(
          80,
          Array.from({ length: 99 }, (_, i) => server(i + 1)),
        ),
      ]),
    );
    const lines = screen(scene, { scroll: 50 });
    assert.match(lines[6], /^ {2}10\.2\.0\.50:80 /);
    assert.match(lines[23], /51-67 of 100$/);
    assert.match(screen(scene, { scroll: 5000 })[22], /^ {2}10\.2\.0\.99:80 /);
  });

  it('has more columns on a wide screen', () => {
    assert.doesNotMatch(screen()[5], /persist/);
    assert.match(screen(sceneOf(), {}, { columns: 100, rows: 24 })[5], /persist +conns$/);
    assert.match(screen(sceneOf(), {}, { columns: 200, rows: 24 })[5], /<bytes$/);
  });

  it('says how full the table is, and in which states connections are', () => {
    const states = { TIME_WAIT: 20, ESTABLISHED: 900 };
    const connections = { used: 920, capacity: 1000, templates: 1, halfOpen: 31, states };
    const lines = screenLines(sceneOf(snapshot([], { connections })), FIRST_VIEW, SMALL);
    assert.match(
      textOf(lines[1]),
      /\[\|{11} \] 920 of 1 000, 92\.0 % {2}31 half open {2}1 template/,
    );
    assert.equal(lines[1].find(({ text }) => text.startsWith('|'))?.style, 'warning');
    assert.match(textOf(lines[3]), /^states +ESTABLISHED 900 {2}TIME_WAIT 20$/);
  });

  it('says what is dropped, first what is dropped now', () => {
    const before = snapshot([], { drops: { no_route: 100, table_full: 10 } });
    const now = snapshot([], {
      drops: { no_route: 100, table_full: 20 },
      takenAtMs: NOON_MS + 2000,
    });
    assert.match(screen(sceneOf(before))[4], /^drops +no_route 100 {2}table_full 10$/);
    const changed = screen(sceneOf(now, { previous: before }))[4];
    assert.match(changed, /^drops +table_full 20 \(5\/s\) {2}no_route 100$/);
    assert.match(screen(sceneOf())[4], /^drops +none$/);
  });

  it('says that the director or its data plane is gone', () => {
    assert.match(screen(sceneOf(BUSY, { problem: 'NO DIRECTOR' }))[0], /NO DIRECTOR/);
    const dataPlane = { isServing: false, restarts: 2 };
    assert.match(screen(sceneOf(snapshot([], { dataPlane })))[0], /no data plane/);
  });

  it('has a page of help that fits 80x24', () => {
    const lines = screen(sceneOf(), { showsHelp: true });
    assert.match(lines.join('\n'), /^ {2}< > left right {2}.*sort by another column/m);
    assert.match(lines[22], /<bytes +bytes to clients/);
  });

  it('fits screens of any size, whatever the view', () => {
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 250 }),
      rows: fc.integer({ min: 1, max: 60 }),
    });
    const view = fc.record({
      shape: fc.constantFrom(...SHAPES),
      sort: fc.option(fc.integer({ min: 0, max: 12 })),
      filter: fc.string({ maxLength: 60 }),
      isTyping: fc.boolean(),
      showsHelp: fc.boolean(),
      scroll: fc.nat(200),
    });
    fc.assert(
      fc.property(size, view, (size, view) => {
        const lines = screenLines(sceneOf(), { ...FIRST_VIEW, ...view }, size);
        assert.equal(lines.length, size.rows);
        for (const line of lines) {
          assert.ok(textOf(line).length <= size.columns, textOf(line));
          assert.match(textOf(line), /^[ -~]*$/);
        }
      }),
      { seed: 2 },
    );
  });

  it('is without colours where none are wanted', () => {
    const line = [{ text: 'x', style: 'warning' as const }];
    assert.equal(painted(line, true), '\u001b[33mx\u001b[0m');
    assert.equal(painted(line, false), '\u001b[1mx\u001b[0m');
  });

  it('is one plain table elsewhere, with all columns and rows', () => {
    const text = plainText(sceneOf(), { ...FIRST_VIEW, sort: CONNECTIONS });
    assert.match(text, /^SERVICE \/ SERVER.*<bytes$/m);
    assert.equal(text.match(/^( {2}10|TCP )/gm)?.length, 5);
    assert.ok(!text.includes('\u001b'));
  });
});
