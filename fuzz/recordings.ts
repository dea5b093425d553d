/** Real material to begin with: the recordings of a kernel's answers that the conformance tests replay. */
import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import { readScenarios, type ScenarioSource } from '../src/tools/replay/files.js';

const PLACES = ['../test/conformance/recordings', '../../test/conformance/recordings'];

/** Those of some families, at most `count` of each. Compiled or not, they lie beside the sources. */
export function recordings(families: readonly string[], count: number): ScenarioSource[] {
  const folder = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(
    existsSync,
  );
  if (folder === undefined) throw new Error('the recordings of test/conformance are not there');
  const files = families.map((family) => `${folder}/${family}.jsonl.gz`);
  const taken = new Map<string, number>();
  return [...readScenarios(files)].filter(({ scenario: { family } }) => {
    taken.set(family, (taken.get(family) ?? 0) + 1);
    return (taken.get(family) ?? 0) <= count;
  });
}
