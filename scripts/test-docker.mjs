/**
 * `npm run test:docker`: the lab of docker-compose.yml on a real Docker engine. Installs Debian's docker.io,
 * docker-compose and debootstrap where they are missing, starts an engine of its own (docker/engine.mjs), builds the
 * images and runs test/docker. Nothing of it is left but the packages and a minimal Debian in /var/cache.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, startBuilder, startEngine } from './docker/engine.mjs';
import { buildImages } from './docker/images.mjs';

const ROOT = join(import.meta.dirname, '..');

const obstacle = whatIsInTheWay();
if (obstacle === null) process.exitCode = await test();
else process.stdout.write(`Docker tests left out: ${obstacle}\n0 passing\n`);

function whatIsInTheWay() {
  if (process.getuid() !== 0) return 'they need root, for an engine of their own';
  if (!existsSync('/usr/bin/apt-get'))
    return 'they take engine and images from Debian, and this is another system';
  return null;
}

async function test() {
  const setUp = spawnSync(process.execPath, [join(ROOT, 'scripts/setup.mjs'), 'docker'], {
    stdio: 'inherit',
  });
  if (setUp.status !== 0) return 1;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  const folder = makeFolder();
  await timed('building the images', async () => {
    const builder = await startBuilder(folder);
    await buildImages(folder);
    await builder.stop();
  });
  const engine = await startEngine(folder);
  const status = await mocha();
  await engine.stop();
  return status;
}

async function mocha() {
  const words = ['mocha', '--config', '.mocharc.lab.json', 'test/docker/**/*.test.ts'];
  const [status] = await once(spawn('npx', words, { cwd: ROOT, stdio: 'inherit' }), 'exit');
  return status ?? 1;
}

async function timed(what, action) {
  const start = performance.now();
  process.stdout.write(`${what} ...\n`);
  await action();
  process.stdout.write(`${what}: ${Math.round((performance.now() - start) / 1000)} s\n`);
}
