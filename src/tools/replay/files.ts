/**
 * Scenario files: `.json` with one scenario, `.jsonl` with one a line, each of them also gzipped (`.gz`).
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseScenario, type Scenario, ScenarioError } from './scenario.js';

const SCENARIO_FILE = /\.jsonl?(\.gz)?$/;
const LINES_FILE = /\.jsonl(\.gz)?$/;
/** A gzipped file says nothing about how large it will be. */
const TEXT_MAX_BYTES = 256 * 1024 * 1024;

export interface ScenarioSource {
  scenario: Scenario;
  /** The file, and the line where it has several scenarios. */
  place: string;
}

/**
 * Reads files, and all scenario files in folders and the folders in them, in the order of their names.
 * @throws ScenarioError where something can't be read or is no scenario
 */
export function* readScenarios(paths: readonly string[]): Generator<ScenarioSource> {
  for (const path of paths) {
    for (const file of filesAt(path)) yield* readFile(file);
  }
}

function filesAt(path: string): string[] {
  const stats = attempt(path, () => statSync(path));
  if (!stats.isDirectory()) return [path];
  const entries = attempt(path, () => readdirSync(path, { recursive: true, encoding: 'utf8' }));
  const files = entries.filter((name) => SCENARIO_FILE.test(name)).sort();
  if (files.length === 0) {
    throw new ScenarioError(`${path}: no scenario files here (.json, .jsonl, also with .gz)`);
  }
  return files.map((name) => join(path, name));
}

function* readFile(file: string): Generator<ScenarioSource> {
  const text = attempt(file, () => {
    const bytes = readFileSync(file);
    const text = file.endsWith('.gz')
      ? gunzipSync(bytes, { maxOutputLength: TEXT_MAX_BYTES })
      : bytes;
    return text.toString('utf8');
  });
  yield* scenariosIn(text, file);
}

/** The scenarios of a file with this text and name. @throws ScenarioError */
export function* scenariosIn(text: string, file: string): Generator<ScenarioSource> {
  if (!LINES_FILE.test(file)) {
    yield { scenario: parseScenario(parseJson(text, file), file), place: file };
    return;
  }
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = `${file}:${i + 1}`;
    yield { scenario: parseScenario(parseJson(line, place), place), place };
  }
}

function parseJson(text: string, place: string): unknown {
  return attempt(place, () => JSON.parse(text));
}

function attempt<T>(place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new ScenarioError(`${place}: ${(error as Error).message}`);
  }
}
