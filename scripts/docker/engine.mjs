/**
 * A Docker engine of our own, beside any that the host has: in namespaces of its own, with its files in a folder
 * of its own. It ends with this process, however that ends:
 *
 *     this process --pipe--> sh, process 1 of the namespaces: ends when the pipe does, and the kernel ends with it
 *                             `-- dockerd, containerd, containers    all processes, mounts, interfaces and rules
 *     this process --pipe--> sh: removes the folder when the pipe ends
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { docker } from './commands.mjs';

/** On a disk, and of the kind that overlays can lie on. */
const FOLDER_PREFIX = '/var/tmp/uvs-docker-';
const CGROUP = 'uvs-test-docker';
const LOOK_MS = 200;
const START_TIMEOUT_MS = 60_000;
const LOG_CHARACTERS_SHOWN = 3000;

/** What is left of an engine's control groups are empty directories. */
const REMOVE = `cat
for attempt in 1 2 3 4 5; do rm -rf "$1" && break; sleep 1; done
find /sys/fs/cgroup -depth -type d -path "*/${CGROUP}*" -exec rmdir {} + 2>/dev/null`;

const RUN = `ip link set lo up
folder=$1; shift
rm -rf "$folder/exec" "$folder/pid" "$folder/socket"
dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \\
  --host "unix://$folder/socket" --cgroup-parent ${CGROUP} "$@" > "$folder/log" 2>&1 < /dev/null &
cat > /dev/null`;

/** The folder of the engines of one run, removed with all that is in it when this process has ended. */
export function makeFolder() {
  const folder = mkdtempSync(FOLDER_PREFIX);
  guard('sh', ['-c', REMOVE, 'sh', folder]);
  process.env.DOCKER_HOST = `unix://${join(folder, 'socket')}`;
  return folder;
}

/** In a network of its own, with Docker's own rules and defaults: containers reach each other and nobody else. */
export function startEngine(folder) {
  return start(folder, ['--net'], []);
}

/** In the host's network, which it doesn't touch: only for images whose making needs the package registries. */
export function startBuilder(folder) {
  return start(folder, [], ['--bridge=none', '--iptables=false', '--ip-forward=false']);
}

async function start(folder, namespaces, options) {
  const all = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', ...namespaces];
  const child = guard('unshare', [...all, 'sh', '-c', RUN, 'sh', folder, ...options]);
  const ended = once(child, 'exit');
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await docker(['version'])).ok) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`dockerd did not start:\n${endOfLog(folder)}`);
    }
    await pause(LOOK_MS);
  }
  return {
    async stop() {
      // Up to now it didn't keep this process from ending.
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}

/** A process that is told of our end by the end of its standard input. Ctrl-C in the terminal isn't for it. */
function guard(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  child.unref();
  child.stdin.unref();
  return child;
}

function endOfLog(folder) {
  try {
    return readFileSync(join(folder, 'log'), 'utf8').slice(-LOG_CHARACTERS_SHOWN);
  } catch {
    return '(no log)';
  }
}
