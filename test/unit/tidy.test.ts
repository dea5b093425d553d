import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The floors of the data plane, ground floor first: a file imports from its own place, and from lower floors.
 */
const FLOORS: string[][] = [
  ['dataplane/clock', 'dataplane/verdict', 'dataplane/drops', 'dataplane/settings'],
  [
    'dataplane/burst-size',
    'dataplane/offload',
    'dataplane/frame-queue',
    'dataplane/memory',
    'scheduler',
  ],
  ['dataplane/wire', 'dataplane/route'],
  [
    'dataplane/conn',
    'dataplane/service',
    'dataplane/nat',
    'dataplane/fragments',
    'dataplane/flows',
  ],
  ['dataplane/kept-settings', 'dataplane/meters'],
  ['dataplane/state'],
  ['dataplane/engine/accounting'],
  ['dataplane/lifecycle'],
  ['dataplane/engine/exit'],
  [
    'dataplane/engine/client-side',
    'dataplane/engine/server-side',
    'dataplane/engine/related',
    'dataplane/engine/prefetch',
  ],
  ['dataplane/engine'],
];

/** Beside the floors: what works for the data plane's outside, and the control plane. */
const ALLOWED: [string, string[]][] = [
  ['dataplane/sys', ['dataplane/route', 'dataplane/wire', 'dataplane/flows', 'dataplane/clock']],
  ['dataplane', ['dataplane']],
  ['src/package', []],
  ['src/admin', ['src/control', 'src/package']],
  ['src/control', ['dataplane/sys/errors', 'src/package']],
  ['src/virtual-server', ['src/control', 'dataplane', 'scheduler']],
  ['src/observe', ['src/package', 'src/control', 'src/virtual-server', 'dataplane']],
  ['src/decisions', ['src/control', 'dataplane', 'scheduler']],
  ['src/rules', ['src/control', 'src/admin', 'src/package', 'src/virtual-server']],
  [
    'src/worker',
    ['src/package', 'src/virtual-server', 'src/control', 'src/decisions', 'dataplane'],
  ],
  [
    'src/director',
    [
      'src/package',
      'src/control',
      'src/admin',
      'src/rules',
      'src/virtual-server',
      'src/observe',
      'src/worker',
      'dataplane',
    ],
  ],
  ['src/tools', ['src', 'dataplane', 'scheduler', 'lab']],
  // A director as a lab's host runs it.
  ['lab/uvsd', ['src/director/main']],
  ['lab', ['src/control', 'src/admin', 'src/package']],
  ['bin', ['src', 'lab']],
  [
    'sim',
    ['src/virtual-server', 'src/director/supervisor', 'src/control', 'dataplane', 'scheduler'],
  ],
  ['bench', ['src', 'dataplane', 'scheduler', 'lab', 'test/support']],
  ['fuzz', ['src', 'dataplane', 'scheduler', 'sim', 'test/support']],
];

/** The places a file may import from. */
function allowedFor(file: string): string[] | undefined {
  const floor = FLOORS.findIndex((places) => places.some((place) => isWithin(file, place)));
  if (floor < 0) {
    const rule = ALLOWED.find(([place]) => isWithin(file, place));
    return rule && [rule[0], ...rule[1]];
  }
  const own = FLOORS[floor].filter((place) => isWithin(file, place));
  return [...own, ...FLOORS.slice(0, floor).flat()];
}

const ONE_ROOM_LINES = 450;

const sources = ['bin', 'src', 'scheduler', 'dataplane', 'lab', 'bench', 'fuzz', 'sim'].flatMap(
  (room) =>
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
      const allowed = allowedFor(file);
      assert.ok(allowed !== undefined, `${file} is in no room`);
      for (const target of importsOf(file)) {
        if (!target.startsWith('.')) continue;
        const path = normalize(join(dirname(file), target));
        const isAllowed = allowed.some((place) => isWithin(path, place));
        assert.ok(isAllowed, `${file} imports ${path}`);
      }
    }
  });

  it('keeps clocks, sockets and timers out of the engine', () => {
    for (const file of sources) {
      if (!FLOORS.flat().some((place) => isWithin(file, place))) continue;
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
