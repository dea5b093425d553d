/**
 * The images of the lab, built by the Dockerfile as it is. Its base images can't be pulled everywhere, so two are made
 * that stand in for them: a minimal Debian, and the same with this host's Node.js and npm.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { homedir } from 'node:os';
import { mustDocker, mustRun } from './commands.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const SUITE = 'bookworm';
const CACHE = '/var/cache/uvs-test-docker';
/** What the official images have and a minimal system doesn't. */
const INCLUDED = 'ca-certificates,libstdc++6';
const BASE_IMAGE = 'uvs-test-base';
const NODE_IMAGE = 'uvs-test-node';

/** Builds the images that docker-compose.yml and docker/nfs.yml name; `folder` is for files in between. */
export async function buildImages(folder) {
  const base = await minimalSystem(folder);
  await mustDocker(['import', base, `${BASE_IMAGE}:plain`]);
  await layOver(join(folder, 'base'), `${BASE_IMAGE}:plain`, BASE_IMAGE, addAptSettings);
  await layOver(join(folder, 'node'), BASE_IMAGE, NODE_IMAGE, addNode);
  await Promise.all([
    build('uvs-lab', ['--target', 'lab', ROOT]),
    build('uvs', [ROOT]),
    ...['nfs', 'prometheus'].map((name) =>
      build(`uvs-${name}`, [
        '--file',
        join(ROOT, `docker/${name}.dockerfile`),
        join(ROOT, 'docker'),
      ]),
    ),
  ]);
}

function build(tag, options) {
  const images = { BASE_IMAGE, NODE_IMAGE };
  const bases = Object.entries(images).flatMap(([name, image]) => [
    '--build-arg',
    `${name}=${image}`,
  ]);
  return mustDocker(['build', '--network', 'host', '--tag', tag, ...bases, ...options]);
}

/** A tar file with Debian, made once: nothing of this host's settings is in it. */
async function minimalSystem(folder) {
  const kept = join(CACHE, `${SUITE}.tar`);
  if (existsSync(kept)) return kept;
  const system = join(folder, 'system');
  const options = ['--variant=minbase', `--include=${INCLUDED}`];
  await mustRun('debootstrap', [...options, SUITE, system]);
  rmSync(join(system, 'var/cache/apt/archives'), { recursive: true, force: true });
  await mustRun('tar', ['--directory', system, '--create', '--file', `${system}.tar`, '.']);
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${kept}.${process.pid}`;
  copyFileSync(`${system}.tar`, unfinished);
  renameSync(unfinished, kept);
  return kept;
}

/** Makes an image of another one and of files that `add` puts into a folder. */
async function layOver(folder, from, tag, add) {
  mkdirSync(folder);
  const lines = [`FROM ${from}`, 'COPY . /', ...add(folder), ''];
  const dockerfile = `${folder}.dockerfile`;
  writeFileSync(dockerfile, lines.join('\n'));
  await mustDocker(['build', '--file', dockerfile, '--tag', tag, folder]);
}

/** Containers reach the package registries the way the host does. */
function addAptSettings(folder) {
  const settings = '/etc/apt/apt.conf.d';
  cpSync(settings, join(folder, settings), { recursive: true });
  writeFileSync(join(folder, settings, 'zz-retries'), 'Acquire::Retries "3";\n');
  return [];
}

function addNode(folder) {
  const local = join(folder, 'usr/local');
  const npm = join(dirname(process.execPath), '../lib/node_modules/npm');
  mkdirSync(join(local, 'bin'), { recursive: true });
  mkdirSync(join(local, 'etc'));
  copyFileSync(process.execPath, join(local, 'bin/node'));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  const settings = join(homedir(), '.npmrc');
  if (existsSync(settings)) copyFileSync(settings, join(local, 'etc/npmrc'));
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates === undefined) return [];
  mkdirSync(join(folder, 'etc/ssl/certs'), { recursive: true });
  copyFileSync(certificates, join(folder, 'etc/ssl/certs/ca-certificates.crt'));
  return ['ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'];
}
