/** Options of `uvs replay --rules RULES --pcap FILE`. */

import type { ParseArgsConfig } from 'node:util';

export const CAPTURE_OPTIONS = {
  rules: { type: 'string' },
  pcap: { type: 'string' },
  out: { type: 'string' },
  explain: { type: 'boolean', default: false },
  local: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
} as const satisfies ParseArgsConfig['options'];

export interface CaptureOptions {
  rules: string;
  pcap: string;
  out: string | null;
  explain: boolean;
  json: boolean;
  /** The director's own addresses beside the virtual ones. */
  local: readonly string[];
  /** Settings, NAME=VALUE. */
  set: readonly string[];
}

interface Values extends Partial<Omit<CaptureOptions, 'out'>> {
  out?: string;
  family?: readonly string[];
  all?: boolean;
  verbose?: boolean;
}

/** What the words ask for: null where scenarios are to be replayed, a message where the words don't fit. */
export function captureOptions(
  values: Values,
  positionals: readonly string[],
): CaptureOptions | string | null {
  const { rules, pcap, out = null, explain = false, json = false, local = [], set = [] } = values;
  const hasCaptureOption = out !== null || explain || local.length > 0 || set.length > 0;
  if (rules === undefined && pcap === undefined) {
    return hasCaptureOption ? '--out, --explain, --local and --set are for --pcap' : null;
  }
  if (pcap === undefined) return 'which capture? --pcap FILE';
  if (rules === undefined) return 'which rules? --rules FILE, as `ipvsadm -S` prints them';
  if (positionals.length > 0) return `${positionals[0]}: with --pcap no scenarios are played`;
  if (values.all || values.verbose || (values.family ?? []).length > 0) {
    return '--family, --all and --verbose are for scenarios';
  }
  return { rules, pcap, out, explain, json, local, set };
}
