/**
 * Makes a bare clone ready: `node scripts/setup.mjs demo|test|bench|profile|emulation|docker`. Plain JavaScript without
 * dependencies, because it runs before there are any. Installs the npm packages of the lock file, the Debian packages that
 * the purpose needs, and builds dist/. Does nothing, and quickly, where all of it is there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Not import.meta.dirname: an older Node.js must get as far as being told that it is too old.
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NODE_MIN = [20, 19];

/** Command, or a file with its path -> Debian package. */
const BASIC = { ip: 'iproute2', nginx: 'nginx', curl: 'curl', nft: 'nftables' };
const TRAFFIC = { wrk: 'wrk', ping: 'iputils-ping' };
/** With these npm builds the optional packages of the pcap driver. */
const COMPILER = {
  'g++': 'g++',
  make: 'make',
  python3: 'python3',
  '/usr/include/pcap.h': 'libpcap-dev',
};
const NFS = {
  'ganesha.nfsd': 'nfs-ganesha',
  '/usr/share/doc/nfs-ganesha-vfs': 'nfs-ganesha-vfs',
  'nfs-cat': 'libnfs-utils',
};
const TRACES = { tcpdump: 'tcpdump' };
const METRICS = {
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
};
const BENCH = {
  ...BASIC,
  ...TRAFFIC,
  ...COMPILER,
  iperf3: 'iperf3',
  haproxy: 'haproxy',
  taskset: 'util-linux',
  '/usr/lib/nginx/modules/ngx_stream_module.so': 'libnginx-mod-stream',
};
const PURPOSES = {
  demo: BASIC,
  test: {
    ...BASIC,
    ...TRAFFIC,
    ...COMPILER,
    ...NFS,
    ...METRICS,
    ...TRACES,
    'iptables-legacy': 'iptables',
  },
  bench: BENCH,
  profile: BENCH,
  emulation: {
    'qemu-system-x86_64': 'qemu-system-x86',
    '/usr/share/doc/busybox-static': 'busybox-static',
    cpio: 'cpio',
    modprobe: 'kmod',
  },
  docker: {
    dockerd: 'docker.io',
    'docker-compose': 'docker-compose',
    iptables: 'iptables',
    debootstrap: 'debootstrap',
    unshare: 'util-linux',
  },
};

/** What a purpose is better with, and does without. */
const WELCOME = { profile: { perf: 'linux-perf' }, test: { chromium: 'chromium' } };

/** Services that packages would start, and their programs: they must not run, now or after the next boot. */
const SERVICES = {
  nginx: 'nginx',
  haproxy: 'haproxy',
  iperf3: 'iperf3',
  docker: 'dockerd',
  containerd: 'containerd',
  prometheus: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  'nfs-ganesha': 'ganesha.nfsd',
  rpcbind: 'rpcbind',
};

class SetupError extends Error {}

function setUp(purpose) {
  if (!(purpose in PURPOSES)) {
    throw new SetupError(`usage: node scripts/setup.mjs ${Object.keys(PURPOSES).join('|')}`);
  }
  checkNode();
  // First of all what npm compiles with.
  installDebianPackages(PURPOSES[purpose], purpose);
  installWelcome(WELCOME[purpose] ?? {}, purpose);
  installNpmPackages();
  build();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  throw new SetupError(
    `Node.js ${NODE_MIN.join('.')} or newer is needed, this is ${process.version}`,
  );
}

// --- npm ------------------------------------------------------------------------------------------------

/** Without a network npm would try for minutes before it says so. */
const IMPATIENT = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--prefer-offline'];

function installNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  say('installing npm packages');
  const result = run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error', ...IMPATIENT]);
  if (result.ok) return;
  throw new SetupError(
    `npm ci failed${offlineHint(result.output)}. What it said:\n${firstLines(result.output)}`,
  );
}

/** True if everything in the lock file is installed, except what is optional and can't be. */
function npmPackagesAreCurrent() {
  const canCompile = Object.keys(COMPILER).every(isInstalled);
  const wanted = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed[path];
    if (present !== undefined) return present.version === entry.version;
    const isCompiled = entry.hasInstallScript === true;
    return entry.optional === true && !(isCompiled && canCompile);
  });
}

function readLock(path) {
  const file = join(ROOT, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

// --- Debian ---------------------------------------------------------------------------------------------

function installDebianPackages(commands, purpose) {
  const missing = Object.keys(commands).filter((command) => !isInstalled(command));
  if (missing.length === 0) return;
  const packages = missing.map((command) => commands[command]);
  if (process.getuid() !== 0) {
    if (purpose === 'test')
      return say(`not root: ${missing.join(', ')} not installed, no lab tests`);
    throw new SetupError(`needs root, to install ${packages.join(' ')} and to make namespaces`);
  }
  if (!isInstalled('apt-get')) {
    throw new SetupError(
      `this is no Debian system (no apt-get): install ${missing.join(', ')} yourself and try again`,
    );
  }
  say(`installing Debian packages: ${packages.join(' ')}`);
  withoutServices(() => aptInstall(packages));
  const absent = missing.filter((command) => !isInstalled(command));
  if (absent.length > 0)
    throw new SetupError(`still not there after installing: ${absent.join(', ')}`);
}

/** Where these can't be installed that is said, and the rest goes on. */
function installWelcome(commands, purpose) {
  try {
    installDebianPackages(commands, purpose);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`goes on without ${Object.keys(commands).join(', ')}: ${error.message}`);
  }
}

/** Installs with the package lists there are; fetches new ones if that fails. */
function aptInstall(packages) {
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  if (aptGet(install).ok) return;
  const update = aptGet(['update', '-q']);
  const result = aptGet(install);
  if (result.ok) return;
  const output = `${update.ok ? '' : update.output}${result.output}`;
  const locate = /Unable to locate package (\S+)/.exec(output);
  const unknown = locate === null ? '' : `: this system's package sources have no ${locate[1]}`;
  throw new SetupError(
    `apt-get install failed${unknown || offlineHint(output)}. What it said:\n${firstLines(output)}`,
  );
}

function aptGet(args) {
  return run('apt-get', args, { DEBIAN_FRONTEND: 'noninteractive' });
}

const POLICY = '/usr/sbin/policy-rc.d';

/** Runs an installation that must not start or enable any service which wasn't there before. */
function withoutServices(install) {
  const before = Object.values(SERVICES).filter(isInstalled);
  const policyIsOurs = !existsSync(POLICY);
  if (policyIsOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    install();
  } finally {
    if (policyIsOurs) rmSync(POLICY, { force: true });
  }
  for (const [service, program] of Object.entries(SERVICES)) {
    if (!isInstalled(program) || before.includes(program)) continue;
    run('service', [service, 'stop']);
    run('update-rc.d', [service, 'disable']);
  }
}

// --- build ----------------------------------------------------------------------------------------------

const SOURCES = ['bin', 'src', 'scheduler', 'dataplane', 'lab', 'bench'];

/** Compiles to dist/ unless it was compiled from exactly these files. */
function build() {
  const stamp = join(ROOT, 'dist', '.built-from');
  const state = stateOfSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  say('building');
  const result = run('npm', ['run', '--silent', 'build']);
  if (!result.ok) throw new SetupError(`npm run build failed:\n${firstLines(result.output)}`);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
}

/** Changes with every file that goes into dist/. */
function stateOfSources() {
  const folders = SOURCES.map((name) => join(ROOT, name)).filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|html|css)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  const others = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  const all = [...files, ...others.map((name) => join(ROOT, name))];
  const lines = all.map((file) => `${file} ${statSync(file).mtimeMs}`).toSorted();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

// --- small things ---------------------------------------------------------------------------------------

function say(text) {
  process.stdout.write(`set-up: ${text}\n`);
}

/** Runs a command in the project's folder; its output is kept for the case that it fails. */
function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = result.error?.message ?? `${result.stdout}${result.stderr}`;
  return { ok: result.status === 0, output };
}

const LINES_SHOWN_MAX = 20;

function firstLines(output) {
  return output.trim().split('\n').slice(0, LINES_SHOWN_MAX).join('\n');
}

function isInstalled(command) {
  if (command.startsWith('/')) return existsSync(command);
  const folders = `${process.env.PATH}:/usr/sbin:/usr/bin:/sbin:/bin`.split(':');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|Temporary failure resolving|Could not resolve|Cannot initiate the connection/;

function offlineHint(output) {
  return OFFLINE.test(output) ? ': no network connection to the package registry' : '';
}

try {
  setUp(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up: ${error.message}\n`);
  process.exitCode = 1;
}
