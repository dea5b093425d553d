import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Who may import whom: a file below the folder (or the file itself) on the left imports from the places on the
 * right, its own room and nothing else of the project. The first line that fits counts.
 */
const ALLOWED: [string, string[]][] = [
  ['dataplane/clock', []],
  ['dataplane/verdict', []],
  ['dataplane/drops', []],
  ['dataplane/wire', []],
  ['dataplane/memory', []],
  ['dataplane/route', []],
  ['dataplane/settings', []],
  ['scheduler', []],
  ['dataplane/conn', ['dataplane/wire', 'dataplane/memory', 'dataplane/clock']],
  ['dataplane/service', ['dataplane/memory', 'dataplane/clock', 'scheduler/scheduler']],
  ['dataplane/nat', ['dataplane/wire']],
  [
    'dataplane/state',
    [
      'scheduler/scheduler',
      'dataplane/conn',
      'dataplane/service',
      'dataplane/route',
      'dataplane/memory',
      'dataplane/drops',
      'dataplane/settings',
    ],
  ],
  ['dataplane/accounting', ['dataplane/service', 'dataplane/state']],
  [
    'dataplane/exit',
    [
      'dataplane/conn',
      'dataplane/driver/driver',
      'dataplane/nat',
      'dataplane/route',
      'dataplane/state',
      'dataplane/verdict',
      'dataplane/wire',
    ],
  ],
  [
    'dataplane/related',
    [
      'dataplane/accounting',
      'dataplane/conn',
      'dataplane/drops',
      'dataplane/exit',
      'dataplane/nat',
      'dataplane/route',
      'dataplane/state',
      'dataplane/verdict',
      'dataplane/wire',
    ],
  ],
  [
    'dataplane/lifecycle',
    [
      'dataplane/accounting',
      'dataplane/conn',
      'dataplane/state',
      'dataplane/wire',
      'dataplane/clock',
      'dataplane/drops',
      'dataplane/verdict',
    ],
  ],
  [
    'dataplane/engine',
    [
      'dataplane/accounting',
      'dataplane/exit',
      'dataplane/related',
      'dataplane/clock',
      'dataplane/conn',
      'dataplane/drops',
      'dataplane/driver/driver',
      'dataplane/lifecycle',
      'dataplane/nat',
      'dataplane/route',
      'dataplane/service',
      'dataplane/state',
      'dataplane/verdict',
      'dataplane/wire',
    ],
  ],
  ['dataplane/sys', ['dataplane/route', 'dataplane/wire']],
  ['dataplane', ['dataplane']],
  ['src/package', []],
  ['src/admin', ['src/control', 'src/package', 'dataplane/sys/errors']],
  ['src/control', []],
  ['src/director', ['src/package', 'src/control', 'src/admin', 'dataplane', 'scheduler']],
  [
    'src/tools',
    ['src/package', 'src/control', 'src/admin', 'src/director', 'dataplane', 'scheduler', 'lab'],
  ],
  ['lab', ['src/control', 'src/admin']],
  ['bin', ['src', 'lab']],
  ['bench', ['bench', 'src', 'dataplane', 'scheduler', 'lab', 'test/support']],
];

/** What the sans-I/O rooms may not use of the outside world. */
const PURE = ['dataplane/wire', 'dataplane/conn', 'dataplane/nat', 'dataplane/service'];
const PURE_FILES = [
  'dataplane/accounting.ts',
  'dataplane/engine.ts',
  'dataplane/exit.ts',
  'dataplane/related.ts',
  'dataplane/state.ts',
  'dataplane/lifecycle',
  'scheduler',
];
const ONE_ROOM_LINES = 450;

const sources = ['bin', 'src', 'scheduler', 'dataplane', 'lab', 'bench'].flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(room, file)),
);

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|import\('([^']+)'\)/gm)].map(
    (match) => match[1] ?? match[2],
  );
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`) || path.startsWith(`${place}.`);
}

describe('the house', () => {
  it('has its rooms import in one direction only', () => {
    for (const file of sources) {
      const rule = ALLOWED.find(([place]) => isWithin(file, place));
      assert.ok(rule !== undefined, `${file} is in no room`);
      for (const target of importsOf(file)) {
        if (!target.startsWith('.')) continue;
        const path = normalize(join(dirname(file), target));
        const allowed = [rule[0], ...rule[1]].some((place) => isWithin(path, place));
        assert.ok(allowed, `${file} imports ${path}`);
      }
    }
  });

  it('keeps clocks, sockets and timers out of the engine', () => {
    for (const file of sources) {
      if (![...PURE, ...PURE_FILES].some((place) => isWithin(file, place))) continue;
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const target of importsOf(file)) {
        assert.ok(target.startsWith('.'), `${file} imports ${target}`);
      }
      assert.doesNotMatch(
        text,
        /\b(Date\.now|performance\.|setTimeout|setInterval|console\.)/,
        file,
      );
    }
  });

  it('talks to the C library from one file', () => {
    const users = sources.filter((file) => importsOf(file).includes('koffi'));
    assert.deepEqual(users, ['dataplane/sys/libc.ts']);
  });

  it('has no file that is more than one room', () => {
    for (const file of sources) {
      const lines = readFileSync(join(ROOT, file), 'utf8').split('\n').length;
      assert.ok(lines <= ONE_ROOM_LINES, `${file} has ${lines} lines`);
    }
  });
});
