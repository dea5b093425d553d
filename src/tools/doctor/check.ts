/** What a check of the doctor is. */
import type { Findings } from './findings.js';
import type { Gateway } from './gateway.js';
import type { Host } from './host.js';

export interface CheckInput {
  host: Host;
  gateway: Gateway;
  /** The address to ask as with `--probe`; null: one is chosen. */
  probeClient: string | null;
}

export interface Check {
  /** One or two words, joined by hyphens: what it is about. */
  name: string;
  run(input: CheckInput, findings: Findings): void | Promise<void>;
}
