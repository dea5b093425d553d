/**
 * The few things the lab does with the `ip` command. All of it inside namespaces whose names begin with
 * NAMESPACE_PREFIX; none of it looks at or changes anything else.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { LabError } from './errors.js';

export const NAMESPACE_PREFIX = 'uvslab-';
const NAMESPACE_FOLDER = '/run/netns';

/** Runs `ip ARGS`, with `input` on its standard input, and returns what it prints. */
function ip(args: string[], input = ''): string {
  const result = spawnSync('ip', args, { input, encoding: 'utf8' });
  if (result.error !== undefined) throw new LabError(`cannot run ip: ${result.error.message}`);
  if (result.status !== 0) {
    throw new LabError(`ip ${args.join(' ')} failed: ${result.stderr.trim()}\n${input}`.trim());
  }
  return result.stdout;
}

/** Namespaces of all labs. */
export function labNamespaces(): string[] {
  let names: string[];
  try {
    names = readdirSync(NAMESPACE_FOLDER);
  } catch {
    return [];
  }
  return names.filter((name) => name.startsWith(NAMESPACE_PREFIX));
}

export function addNamespace(name: string): void {
  requireOurs(name);
  try {
    ip(['netns', 'add', name]);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    throw new LabError(
      `cannot make network namespaces (in a container this needs --privileged): ${error.message}`,
    );
  }
}

/** Takes a namespace's name away; with its last process gone it vanishes with all its interfaces. */
export function deleteNamespace(name: string): void {
  requireOurs(name);
  if (!labNamespaces().includes(name)) return;
  try {
    ip(['netns', 'del', name]);
  } catch (error) {
    // Another process may have cleaned up at the same time.
    if (labNamespaces().includes(name)) throw error;
  }
}

/** Process ids living in a namespace. */
export function pidsIn(name: string): number[] {
  requireOurs(name);
  if (!labNamespaces().includes(name)) return [];
  return ip(['netns', 'pids', name]).split('\n').filter(Boolean).map(Number);
}

/** `ip` commands (without the word ip), all carried out in one namespace. */
export function inNamespace(name: string, commands: string[]): void {
  requireOurs(name);
  ip(['-n', name, '-batch', '-'], `${commands.join('\n')}\n`);
}

/** Joins an interface of one namespace and one of another by a cable. */
export function addCable(a: { namespace: string; name: string }, b: typeof a): void {
  requireOurs(a.namespace);
  requireOurs(b.namespace);
  const end = (side: typeof a) => ['name', side.name, 'netns', side.namespace];
  ip(['link', 'add', ...end(a), 'type', 'veth', 'peer', ...end(b)]);
}

/** Sets values below net. in a namespace: { 'ipv4.ip_forward': '1' }. */
export function setNetworkSettings(name: string, values: Readonly<Record<string, string>>): void {
  requireOurs(name);
  const entries = Object.entries(values);
  if (entries.length === 0) return;
  const script = entries
    .map(([key, value]) => `echo '${value}' > /proc/sys/net/${key.replaceAll('.', '/')}`)
    .join(' && ');
  ip(['netns', 'exec', name, 'sh', '-c', script]);
}

function requireOurs(name: string): void {
  if (!name.startsWith(NAMESPACE_PREFIX)) {
    throw new Error(`refusing to touch namespace '${name}': it isn't a lab's`);
  }
}
