/** What a worker is told, and what it tells: JSON, in its argument and over its channel. */

export interface Task {
  kind: string;
  seed: number;
  /** When it is enough; the earlier of the two where both are given. */
  milliseconds: number | null;
  inputs: number | null;
  coverage: boolean;
  /** Where the input that is being run is written to. */
  currentFile: string;
}

export interface Progress {
  inputs: number;
  runs: number;
  corpus: number;
  /** Blocks of code that have run, null where nobody looked. */
  blocks: number | null;
  milliseconds: number;
}

export const NO_PROGRESS: Progress = {
  inputs: 0,
  runs: 0,
  corpus: 0,
  blocks: null,
  milliseconds: 0,
};

export type Message = { progress: Progress } | { finding: { text: string; command: string } };
