import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/package.js';

interface LockEntry {
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

describe('package-lock.json', () => {
  // A registry that lacks a package for another platform makes npm write a lock file without it, which
  // `npm ci` then refuses everywhere.
  it('has an entry for every dependency, optional ones of other platforms included', () => {
    const text = readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { packages: Record<string, LockEntry> };
    const missing: string[] = [];
    for (const [path, entry] of Object.entries(packages)) {
      const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
      missing.push(...names.filter((name) => !isResolved(packages, path, name)));
    }
    assert.deepEqual(missing, []);
  });
});

/** Looks where Node.js would: in node_modules of the package itself and of every folder above it. */
function isResolved(packages: Record<string, LockEntry>, from: string, name: string): boolean {
  for (
    let folder = from;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
  ) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path]?.version !== undefined) return true;
    if (folder === '') return false;
  }
}
